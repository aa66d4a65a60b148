#!/bin/sh
# First process of a grid host.  Runs in fresh mount, UTS, IPC, net and pid namespaces:
# builds the host's private root, moves into it, and becomes the host's init.
#
# In: ROOTFS   the base (packages), never written
#     DIR      the host's own directory, on the grid's tmpfs
#     NAME     its short name
#     HOSTS    its /etc/hosts
#     HOMES    what it sees as /home
#     PROJECT  the directory whose src and examples it sees in /opt/execo-g5k
set -e
mount --make-rprivate /
mkdir -p "$DIR/upper" "$DIR/work" "$DIR/root"
mount -t overlay overlay \
    -o "lowerdir=$ROOTFS,upperdir=$DIR/upper,workdir=$DIR/work" "$DIR/root"
cd "$DIR/root"

mount -t proc proc proc
mount -t tmpfs -o mode=755,size=4m dev dev
for device in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0"; do
    set -- $device
    mknod -m 666 "dev/$1" c "$2" "$3"
done
mkdir -p dev/pts dev/shm dev/cpuset/oar
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777,size=256m shm dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr

mount -t tmpfs -o mode=755,size=64m run run
mkdir -p run/sshd run/lock run/postgresql
chmod 1777 run/lock
chroot . chown oar /dev/cpuset/oar
chroot . chown postgres:postgres /run/postgresql

mount --bind "$HOMES" home
for name in src examples; do
    if [ -d "$PROJECT/$name" ]; then
        mount --bind "$PROJECT/$name" "opt/execo-g5k/$name"
        mount -o remount,bind,ro "opt/execo-g5k/$name"
    fi
done
cat "$HOSTS" > etc/hosts
echo "$NAME" > etc/hostname
hostname "$NAME"
ip link set lo up

pivot_root . mnt
cd /
umount -l /mnt
# As pid 1: SIGCHLD is ignored, so the kernel itself reaps what is orphaned here.
exec /usr/bin/perl -e '$SIG{CHLD} = "IGNORE"; $SIG{TERM} = sub { exit 0 }; $0 = "grid-init";
    sleep 3600 while 1' </dev/null >/dev/null 2>&1
