//! baresip as a phone without a screen: it answers or dials by itself, sends a tone and records both directions.

use crate::daemon::free_port;
use crate::peers::Peer;
use crate::sound::{RATE, tone, write_wav};
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where baresip lives: its RTP leaves from here whatever it is told, because it binds RTP to every address.
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A baresip to be started.
pub struct Baresip<'a> {
    /// Its user name, and the number it shows.
    pub user: &'a str,
    /// Its digest password; without one it does not register.
    pub password: Option<&'a str>,
    /// `udp` or `tcp`.
    pub transport: &'a str,
    /// The one codec it speaks, as baresip writes it (`PCMA/8000/1`).
    pub codec: &'a str,
    /// Its `mediaenc`: whether it encrypts.
    pub encrypts: Option<&'a str>,
    /// What it sends, in Hz.
    pub hums: f64,
    /// Where it registers and calls.
    pub server: SocketAddr,
}

/// A running baresip.
pub struct Running {
    pub peer: Peer,
    folder: PathBuf,
    /// Where it takes commands.
    control: SocketAddr,
}

impl Baresip<'_> {
    /// Waits for calls and takes each at once.
    pub fn answers(&self, folder: &Path) -> Running {
        self.start(folder, &[])
    }

    /// Calls a number and hangs up after some seconds.
    pub fn dials(&self, number: &str, seconds: u32, folder: &Path) -> Running {
        let target = format!("/dial sip:{number}@{}", self.server);
        self.start(folder, &["-e", &target, "-t", &seconds.to_string()])
    }

    fn start(&self, folder: &Path, arguments: &[&str]) -> Running {
        let name = format!("baresip-{}", self.user);
        let folder = folder.join(&name);
        std::fs::create_dir_all(folder.join("recordings")).expect("a folder for recordings");
        write_wav(&folder.join("tone.wav"), &tone(self.hums, 120.0));
        let control = SocketAddr::new(ADDRESS, free_port(ADDRESS));
        std::fs::write(folder.join("config"), self.config(&folder, control)).expect("baresip's configuration");
        std::fs::write(folder.join("accounts"), self.account()).expect("baresip's account");
        std::fs::write(folder.join("contacts"), "").expect("baresip's contacts");
        let mut command = Command::new("baresip");
        command.arg("-f").arg(&folder).args(arguments);
        Running { peer: Peer::start(&name, &folder, &mut command), folder, control }
    }

    fn config(&self, folder: &Path, control: SocketAddr) -> String {
        let (port, folder) = (free_pair(), folder.display());
        format!(
            "sip_listen {ADDRESS}:{port}\nnet_interface {ADDRESS}\ncall_local_timeout 120\n\
             audio_source aufile,{folder}/tone.wav\naudio_player aubridge,sink\naudio_alert aubridge,sink\n\
             ausrc_srate {RATE}\nausrc_channels 1\nopus_stereo no\nopus_sprop_stereo no\nrtp_ports 30000-32766\nrtp_stats yes\nmodule_path /usr/lib/baresip/modules\n\
             module g711.so\nmodule g722.so\nmodule opus.so\nmodule srtp.so\nmodule aufile.so\nmodule aubridge.so\nmodule sndfile.so\nsnd_path {folder}/recordings\n\
             module_tmp account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\nctrl_tcp_listen {control}\n"
        )
    }

    fn account(&self) -> String {
        let Baresip { user, server, transport, .. } = self;
        let registration = match self.password {
            Some(password) => format!("auth_user={user};auth_pass={password};regint=120"),
            None => "regint=0".to_owned(),
        };
        let codec = self.codec;
        let encryption = self.encrypts.map_or(String::new(), |kind| format!(";mediaenc={kind}"));
        format!(
            "<sip:{user}@{server};transport={transport}>;{registration};audio_codecs={codec};ptime=20;\
             answermode=auto{encryption}\n"
        )
    }
}

impl Running {
    /// Presses a key of the phone: a command of its menu, with what belongs to it.
    pub fn does(&self, command: &str, params: &str) {
        let order = format!("{{\"command\":\"{command}\",\"params\":\"{params}\"}}");
        let mut control = TcpStream::connect(self.control).expect("baresip takes commands");
        control.set_read_timeout(Some(std::time::Duration::from_secs(5))).expect("a limit");
        write!(control, "{}:{order},", order.len()).expect("a command sent");
        let mut answer = [0; 4096];
        let length = control.read(&mut answer).expect("an answer");
        let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
        eprintln!("{command} {params}: {answer}");
    }

    /// What it heard in its one call; to be read after its end.
    pub fn heard(&self) -> Vec<i16> {
        let files = std::fs::read_dir(self.folder.join("recordings")).expect("a folder of recordings");
        let mut heard =
            files.map(|file| file.expect("a file").path()).filter(|file| file.to_string_lossy().ends_with("-dec.wav"));
        let file = heard.next().expect("a recording");
        assert_eq!(heard.next(), None, "one call, one recording");
        // What comes in a wideband codec is recorded at its rate: every second sample will do.
        let spec = hound::WavReader::open(&file).expect("a WAV file").spec();
        let step = spec.channels as usize * (spec.sample_rate / RATE) as usize;
        read_wav_at(&file, spec.sample_rate, spec.channels).into_iter().step_by(step).collect()
    }
}

/// A free port below another one: baresip takes the next one for TLS, whether it has a use for it or not.
fn free_pair() -> u16 {
    loop {
        let port = free_port(ADDRESS);
        if port.checked_add(1).is_some_and(|next| TcpListener::bind((ADDRESS, next)).is_ok()) {
            return port;
        }
    }
}

/// The samples of a mono WAV file of 8 kHz.
pub fn read_wav(file: &Path) -> Vec<i16> {
    read_wav_at(file, RATE, 1)
}

fn read_wav_at(file: &Path, rate: u32, channels: u16) -> Vec<i16> {
    let mut reader = hound::WavReader::open(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let spec = reader.spec();
    assert_eq!((spec.sample_rate, spec.channels, spec.bits_per_sample), (rate, channels, 16), "{}", file.display());
    reader.samples().map(|sample| sample.expect("a sample")).collect()
}
