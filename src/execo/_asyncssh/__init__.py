"""Commands on hosts without the program ssh: by asyncssh, in this process.

words        words of ssh -> options of asyncssh
target       a host, and how it is connected to
keys         files of private keys
configured   what the configuration of ssh says of it
connexions   connexions, shared where that is wanted
session      one command: what the engine calls a child
failures     errors -> what ssh says of them
"""
