"""Run hundreds of programs on this machine, without any testbed: `execo` alone.

At most eight live at once; those that fail or last too long are data, and are told at the end.

    python3 local_pool.py [COUNT]
"""

import sys

from execo import Local, ParallelActions, Report, configuration, group_outputs


def main(count: int) -> None:
    """Start all, wait, and show what they said: equal outputs once."""
    configuration["fanout"] = 8
    quiet = {"nolog_exit_code": True, "nolog_timeout": True, "shell": True, "timeout": 5}
    # one in ten fails, one in fifty would last for ever
    works = "echo $(( {0} % 3 )); exit $(( {0} % 10 == 9 ))"
    commands = ["sleep 1000" if n % 50 == 49 else works.format(n) for n in range(count)]
    pool = ParallelActions([Local(command, quiet) for command in commands], name="pool").run()
    for group in group_outputs(pool):
        print(f"{len(group.processes)} processes {group.failure or 'went well'}, and printed:")
        print(f"    {group.stdout.strip()!r}")
    late = [process for process in pool.processes if process.timeouted]
    print(f"{len(late)} lasted too long: {[process.cmd for process in late][:2]}")
    print(Report([pool]).to_string(brief=True))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
