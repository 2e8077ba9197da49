"""The daemon under load: started for release on ports of its own, asked for its numbers, ended whatever happens."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TICKS = os.sysconf("SC_CLK_TCK")
HOST = "127.0.0.1"


class Daemon:
    """config/examples/load.toml with its phones at `phones`; `changes` are pairs of old and new text in it."""

    def __init__(self, phones, changes=(), program=None):
        if program is None:
            subprocess.run(["cargo", "build", "-q", "--release"], cwd=ROOT, check=True)
            program = "target/release/centralino"
        program = os.path.join(ROOT, program)
        self.folder = tempfile.mkdtemp(prefix="centralino-load-")
        self.running = []
        self.config = os.path.join(self.folder, "load.toml")
        with open(os.path.join(ROOT, "config/examples/load.toml"), encoding="utf-8") as file:
            text = file.read()
        for old, new in [(":6100", f":{phones}"), *changes]:
            if old not in text:
                raise ValueError(f"load.toml has no {old!r}")
            text = text.replace(old, new)
        self.text = text + f'\n[sip]\nudp = "{HOST}:0"\ntcp = "off"\n\n[http]\nlisten = "{HOST}:0"\n'
        self.write(self.text)
        self.process = self.start("daemon", [program, "run", "--config", self.config])
        self.pid = self.process.pid
        said = self.wait_until_ready()
        self.sip = (HOST, int(re.search(r"SIP +udp [\d.]+:(\d+)", said).group(1)))
        self.http = re.search(r"(http://[\d.:]+)/metrics", said).group(1)

    def write(self, text):
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(text)

    def start(self, name, command):
        with open(os.path.join(self.folder, name + ".log"), "wb") as log:
            process = subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        self.running.append(process)
        return process

    def log(self, name="daemon"):
        with open(os.path.join(self.folder, name + ".log"), encoding="utf-8", errors="replace") as log:
            return log.read()

    def wait_until_ready(self):
        for _ in range(400):
            said = self.log()
            if "/stats" in said:
                return said
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        sys.exit("the daemon did not become ready:\n" + self.log()[-3000:])

    def numbers(self):
        """One scrape: a list of (name, labels, value)."""
        with urllib.request.urlopen(self.http + "/metrics", timeout=5) as page:
            text = page.read().decode()
        samples = []
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            series, value = line.rsplit(" ", 1)
            name, _, labels = series.partition("{")
            samples.append((name, dict(re.findall(r'(\w+)="([^"]*)"', labels)), float(value)))
        return samples

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii", errors="replace") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_mib(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii", errors="replace") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024

    def reloads(self):
        """Whether SIGHUP means something to it: one that does not catch it would end."""
        with open(f"/proc/{self.pid}/status", encoding="ascii", errors="replace") as status:
            caught = next(int(line.split()[1], 16) for line in status if line.startswith("SigCgt"))
        return bool(caught & 1 << signal.SIGHUP - 1)

    def end(self):
        for process in reversed(self.running):
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + 10
        for process in reversed(self.running):
            try:
                process.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def total(samples, name, **labels):
    found = [value for each, given, value in samples
             if each == name and all(given.get(label) == value for label, value in labels.items())]
    if not found:
        raise ValueError(f"no sample {name} {labels}")
    return sum(found)


def broken_laws(samples):
    """semantics.md section 9, 1 to 3, on one scrape: what does not hold."""
    def finished(*outcomes):
        return sum(total(samples, "acd_calls_finished_total", outcome=outcome) for outcome in outcomes)

    def of(name):
        return total(samples, name)
    laws = [
        ("entered", of("acd_calls_entered_total"),
         finished("answered", "abandoned", "flowed_out", "failed") + of("acd_queue_waiting_calls")),
        ("received", of("acd_calls_received_total"),
         finished("left_in_greeting", "ended_in_menu", "failed_in_greeting") + of("acd_calls_entered_total")
         + of("acd_calls_in_greeting")),
        ("offers", of("acd_offers_made_total"), of("acd_offers_total") + of("acd_offers_ringing")),
        ("invariants", of("acd_invariant_violations_total"), 0),
        ("order", of("acd_order_violations_total"), 0),
    ]
    for name, labels, pending in samples:
        if name == "acd_sla_pending_calls":
            queue, threshold = labels["queue"], labels["threshold"]
            events = total(samples, "acd_sla_calls_total", queue=queue, threshold=threshold)
            laws.append(("service level", total(samples, "acd_calls_entered_total", queue=queue), events + pending))
    return [f"{name}: {left:g} is not {right:g}" for name, left, right in laws if left != right]


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind((HOST, 0))
        return one.getsockname()[1]
