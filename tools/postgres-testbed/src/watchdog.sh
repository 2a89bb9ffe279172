# Ends a cluster that nobody holds any more. $1: its folder; $2: the folder of the PostgreSQL programs;
# $3: for how many seconds it is kept after its last holder, as the next one may be about to come.
#
# Holders keep the pipe "holders" open for writing, and write one byte when they open it. The pipe reads as ended
# when the last of them closed it, which the kernel sees to even for a process that was killed.
trap '' HUP
exec 3<>"$1/holders" || exit 1 # opening for reading alone would wait for a holder
exec 4<"$1/holders" || exit 1
exec 3>&-
(
    while sleep "$3" && [ -n "$(cat <&4)" ]; do :; done
    # Nobody held it, and nobody came. Without "ready" no one joins from now on; but one may have opened the pipe
    # before that, and so still found "ready": then it is waited for.
    rm -f "$1/ready"
    cat <&4 >/dev/null
    [ -e "$1/data/postmaster.pid" ] && "$2/pg_ctl" -D "$1/data" -m immediate stop
    cd / && rm -rf "$1"
) &
