"""The ledger: jobs that scripts submit are recorded on this machine until they end.

    scripts.py  which script this is, whether another one still runs
    record.py   what is recorded of a submission, as text and back
    store.py    the records, a file each         names.py  names that one script holds at a time
    book.py     what submissions and deletions tell the ledger; it never stops them
    look.py     records compared with what the sites tell       left.py  what users call

A record is made before oarsub is run, with the mark that OAR keeps in the recorded command line of
the job (see `execo_g5k.stray`: the job itself is as if it was not there). The ids are added when
oarsub has answered. Whenever a script is killed, its jobs are found again: by their ids, or by
the mark where the answer was never read. The marks also find the copies that OAR submits of a job
whose nodes failed.
"""
