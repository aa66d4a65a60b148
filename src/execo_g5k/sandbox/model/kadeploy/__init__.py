"""The Kadeploy server of a site: which system each node runs, and how it comes to it.

nodesets       names of nodes, told and read as ranges
environments   the systems that can be deployed
steps          what a deployment, a reboot and a change of power consist of
machines       what the server does to nodes
agenda         activities that take time, on the clock they are given
workflow       one operation on nodes: its orders, what it prints, what became of the nodes
run            the part of an operation on one cluster
server         the server: rights, marks on nodes, operations

The wording and its order are those recorded of Kadeploy 3.3.11 and 3.1.7.2.
"""
