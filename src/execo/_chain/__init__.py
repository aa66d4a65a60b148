"""A copy from host to host: this machine sends to the first, each host to the next.

    relay.pl    runs on each host: takes the stream, unpacks it, gives it to the next
    relay.py    one relay, seen from here: its orders and reports
    chain.py    who gives to whom, and what to do when one of them is lost
    source.py   the stream, given from any offset

When a host is lost, the next one says how far it got, and this machine sends it the rest.
"""
