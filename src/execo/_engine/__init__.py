"""The engine: one event loop in one thread that owns every operating system process we start.

It knows argv, file descriptors, signals and deadlines, and nothing of ssh, hosts or jobs.

    loop.py        the thread, and the two doors to it: `blocking` and `bridged`
    child.py       one operating system process: pipes, exit, timeout, kill
    spawn.py       how it is started
    fanout.py      how many live at once
    remnants.py    what a killed process leaves behind in its group
    keeper.py      what ends them when this process is killed
    exits.py       how its exit is seen (pidfd, or a thread where the kernel has none)
    buffers.py     what it printed
    forks.py       locks that a fork in a script leaves whole
    dispatch.py    the thread on which handlers of users run
    completion.py  an end that threads and coroutines can both wait for
    interruptible.py    waiting on the main thread, where Ctrl-C arrives
    safely.py      calls into the script that must not stop the engine
    clock.py       time, real or driven by hand
"""
