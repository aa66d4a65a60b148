"""TakTuk: one tree of connexions, on which many commands run.

    command.py    words and options of taktuk, its commands: pure
    frames.py     what taktuk prints -> events: pure
    agent.pl      runs the command on a host, tells its output, its end and what it read
    tree.py       one taktuk, and what becomes of its commands
    member.py     one command of a tree: what the engine calls a child
    feed.py       the same data to all commands of a tree

Facts about taktuk are those of version 3.7.7, the one of Debian, seen at work.
"""
