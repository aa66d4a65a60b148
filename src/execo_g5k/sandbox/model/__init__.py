"""What a site of the sandbox is and does, without a process, a socket or a thread.

platform    sites, clusters, nodes: what there is, and the properties of each resource
table       the resources of a site, chosen by SQL and by hierarchies
request     what `oarsub -l` asks for
jobs        jobs, their states and events
timeline    which resources are free when
site        the OAR server of a site: submissions, scheduling, launches, ends
"""
