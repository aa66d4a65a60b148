"""What the commands of OAR print when its server or its database is down."""

from dataclasses import replace

from execo_g5k.sandbox.commands.call import Reply

READING = ("oarstat", "oarnodes", "kavlan", "g5k-subnets")
"""Commands that fail at once without the database; the others try again for ever."""

_NO_DATABASE = """\
DBI connect('database=oar;host=127.0.0.1;port=5432','oar_ro',...) failed: connection to server at \
"127.0.0.1", port 5432 failed: Connection refused
\tIs the server running on that host and accepting TCP/IP connections? at \
/usr/share/perl5/OAR/IO.pm line 307.
DB connection error, exiting.
"""
_PORT = 6666


def no_database() -> Reply:
    """Return what a command that asks the database answers without it."""
    return Reply(25, "", _NO_DATABASE)


def without_server(name: str, reply: Reply, server: str) -> Reply:
    """Return what a command answers that did its part and can't tell the server of it."""
    if reply.exit_code:
        return reply
    if name == "oarsub" and "OAR_JOB_ID=" in reply.stdout:
        said, _, _ = reply.stdout.partition("Reservation mode:")
        problem = f"[ERROR] Cannot connect to executor {server}:{_PORT}. Job is killed.\n"
        return replace(reply, exit_code=9, stdout=said, stderr=reply.stderr + problem, connect=None)
    if name == "oardel" and "REGISTERED" in reply.stdout:
        said, _, _ = reply.stdout.partition("The job(s)")
        problem = f"Could not connect to the socket {server}:{_PORT}\n"
        return replace(reply, exit_code=2, stdout=said, stderr=problem)
    return reply
