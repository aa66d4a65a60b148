"""What a site of the sandbox is and does, without a process, a socket or a thread.

platform    sites, clusters, nodes: what there is, and the properties of each resource
networks    vlans and subnets: what there is, and the resources that stand for them
table       the resources of a site, chosen by SQL and by hierarchies
request     what `oarsub -l` asks for
jobs        jobs, their states and events
gridjobs    the reservations of OARGrid, over several sites
timeline    which resources are free when
site        the OAR server of a site: submissions, scheduling, launches, ends
"""
