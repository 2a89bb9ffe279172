# Ends a cluster without users. $1: its folder; $2: the folder of the PostgreSQL programs; $3: how many seconds the
# cluster outlives its last user.
#
# Users keep the pipe "liveness" open for writing, and write one byte when they open it. A read of the pipe ends when
# the last user has closed it; the kernel closes it for a killed process.
trap '' HUP
exec 3<>"$1/liveness" || exit 1 # opening for reading alone would block until a user opens it
exec 4<"$1/liveness" || exit 1
exec 3>&-
(
    while sleep "$3" && [ -n "$(cat <&4)" ]; do :; done
    # There is no user. Without "ready" no process joins from now on. One may have opened the pipe before and still have
    # found "ready"; the second read waits for it.
    rm -f "$1/ready"
    cat <&4 >/dev/null
    [ -e "$1/data/postmaster.pid" ] && "$2/pg_ctl" -D "$1/data" -m immediate stop
    cd / && rm -rf "$1"
) &
