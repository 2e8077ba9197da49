#!/bin/sh
# Makes the prompts in it/ and en/: 8 kHz, mono, 16 bit, peak -3.5 dB, no silence at either end.
# Speech: festival's voice "lp" for Italian, espeak-ng for English. Installs what is missing when run as root.
# Every prompt is one line of the table at the end: file, language, speed, text. The words of ../languages/*.toml become
# A-law files in it/words/ and en/words/.
set -eu
cd "$(dirname "$0")"

if ! command -v text2wave >/dev/null || ! command -v espeak-ng >/dev/null || ! command -v sox >/dev/null ||
    [ ! -d /usr/share/festival/voices/italian ]; then
    if [ "$(id -u)" != 0 ]; then
        echo "needed: festival festvox-italp16k espeak-ng sox (run as root to install them)" >&2
        exit 1
    fi
    apt-get install -y --no-install-recommends festival festvox-italp16k espeak-ng sox >/dev/null
fi

raw=$(mktemp --suffix=.wav)
trap 'rm -f "$raw"' EXIT

# speak FILE LANGUAGE SPEED TEXT: speed 100 is the voice's own, more is faster
speak() {
    case $2 in
    it) # the Italian voice reads Latin-1
        printf '%s' "$4" | iconv -f UTF-8 -t ISO-8859-1 | text2wave -eval '(voice_lp_diphone)' \
            -eval "(Parameter.set 'Duration_Stretch (/ 100.0 $3))" -o "$raw" ;;
    en) espeak-ng -v en-gb-x-rp -s $((150 * $3 / 100)) -w "$raw" -- "$4" ;;
    *) echo "no voice for language $2" >&2; exit 1 ;;
    esac
    # -D: no dither, so that the same speech gives the same file.
    sox -D -V1 "$raw" -b 16 "$1" channels 1 rate 8000 highpass 100 \
        silence 1 0.01 0.2% fade t 0.005 reverse silence 1 0.01 0.2% fade t 0.005 reverse norm -3.5
    echo "$1 $(soxi -D "$1") s"
}

# words LANGUAGE: every word of the language's file
words() {
    mkdir -p "$1/words"
    sed -n '/^\[words\]/,/^$/s/^\([a-z_0-9]*\) = "\(.*\)"$/\1|\2/p' "../languages/$1.toml" |
        while IFS='|' read -r name text; do
            speak "$1/words/$name.16.wav" "$1" 100 "$text" >/dev/null </dev/null
            sox -D "$1/words/$name.16.wav" -e a-law "$1/words/$name.wav"
            rm "$1/words/$name.16.wav"
        done
    echo "$1/words: $(find "$1/words" -name '*.wav' | wc -l) files"
}

# say_all FILE LANGUAGE TEXT LANGUAGE TEXT ...: one prompt in several voices, 0.35 s between them
say_all() {
    all=$1; shift
    parts=$(mktemp -d)
    number=10
    while [ $# -gt 0 ]; do
        speak "$parts/$number.wav" "$1" 100 "$2" >/dev/null
        shift 2; number=$((number + 1))
    done
    for part in "$parts"/*.wav; do sox -D "$part" "$part.padded.wav" pad 0 0.35; done
    sox -D "$parts"/*.padded.wav "$all" reverse silence 1 0.01 0.2% reverse norm -3.5
    rm -r "$parts"
    echo "$all $(soxi -D "$all") s"
}

speak it/welcome.wav it 100 "Benvenuto al Centro Servizi della Regione. Resti in linea: la sua chiamata sarà presa dal primo operatore libero."
speak it/welcome_short.wav it 110 "Benvenuto al Centro Servizi."
speak it/closed.wav it 100 "Il servizio in questo momento è chiuso. La preghiamo di richiamare negli orari di apertura. Grazie."
speak it/holiday.wav it 100 "Oggi è un giorno festivo e il servizio è chiuso. La preghiamo di richiamare nei giorni lavorativi. Grazie."
speak it/busy.wav it 100 "Tutti gli operatori sono occupati e non possiamo rispondere ora. La preghiamo di richiamare più tardi."
speak en/welcome.wav en 100 "Welcome to the Regional Service Centre. Please stay on the line: your call will be taken by the first free operator."
speak en/welcome_short.wav en 100 "Welcome to the Service Centre."
say_all it/menu.wav \
    it "Per informazioni, prema uno." \
    en "For English, press two." \
    it "Per un reclamo, prema nove." \
    it "Per parlare con un operatore, prema zero." \
    it "Per riascoltare, prema asterisco."
words it
words en
