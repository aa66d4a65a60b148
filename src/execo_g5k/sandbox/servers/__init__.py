"""The sandbox at work: one process that serves every host of it on addresses of its own.

places      the hosts, their addresses, and where their files are
layout      the directory of a sandbox: keys, homes, the programs that users find
isolation   how a command sees its own /tmp and host name
processes   the commands that run on hosts
executor    the commands of jobs
grid        the sites together, and the rights to enter hosts
ssh         what ssh, scp and sftp connect to
faults      what breaks on demand
control     what the sandbox's own programs connect to
"""
