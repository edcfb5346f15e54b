# bash completion for memwarden. Verbs and options are written down here, worker names and log paths are asked of the
# running memwarden; where none answers there are none. Deploy/completions/test.sh holds it against the program.

_memwarden() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]}
    local client="--socket --url --token-file --json --help" words=
    COMPREPLY=()

    if [ "$COMP_CWORD" -eq 1 ]; then
        words="run check status workers logs filesystems ledger events explain history output heap recycle trim pause
            resume unpark cut tail redirect undo reload top log version help --help --version"
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
        return
    fi
    case $previous in
        -c | --config | --socket | --token-file)
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            compopt -o filenames 2>/dev/null
            return
            ;;
        --url)
            mapfile -t COMPREPLY < <(compgen -W "http://127.0.0.1:8741" -- "$current")
            return
            ;;
        --after | --limit | --lines | --size | --keep | --budget | --buffer) return ;;
        --to)
            mapfile -t COMPREPLY < <(compgen -W "ring null syslog" -- "$current")
            return
            ;;
        --timestamp)
            mapfile -t COMPREPLY < <(compgen -W "none iso boot" -- "$current")
            return
            ;;
    esac
    case $verb in
        run) words="-c --config --observe --quiet --help" ;;
        check) words="-c --config --live --help" ;;
        events) words="--after --limit $client" ;;
        tail) words="--lines $client" ;;
        redirect) words="--to $client" ;;
        status | reload | top | logs | filesystems | ledger | workers | explain | history | heap | recycle | trim | pause | resume | unpark | cut | undo)
            words=$client
            ;;
        output) words="--lines $client" ;;
        log)
            words="--size --keep --budget --buffer --timestamp --help"
            if [[ $current != -* ]]; then
                mapfile -t COMPREPLY < <(compgen -d -- "$current")
                return
            fi
            ;;
        version) words="--help" ;;
    esac
    if [[ $current != -* ]]; then
        case $verb in
            # The first column of the table, below its head: a line that is indented goes on about the one above it.
            workers | explain | history | output | recycle | trim | pause | resume | unpark)
                words=$(memwarden workers 2>/dev/null | awk 'NR > 1 && /^[^ ]/ { print $1 }')
                ;;
            cut | tail | redirect | undo) words=$(memwarden logs 2>/dev/null | awk '/^$/ { exit } NR > 1 && /^[^ ]/ { print $NF }') ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -F _memwarden memwarden
