"""Grid jobs: jobs on several sites that are submitted, waited for and deleted as one.

    request.py  what is asked for, checked         record.py  what is known of a grid job
    desc.py     request -> words of oargridsub     native.py  request -> a submission for each site
    store.py    grid jobs recorded on this machine       key.py  ssh keys of grid jobs
    tools.py    grid jobs of OARGrid's commands    sites.py  grid jobs without them
    submitting.py  oarsub on each site, all or nothing
    lost.py     grid jobs whose submission was cut, found again
    waiting.py  until all parts run                flows.py  what users call: chooses

This file only tells what is where.
"""
