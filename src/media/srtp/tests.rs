//! Vectors of the standard and of another implementation, and what must not pass.

use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

fn key(hex: &str) -> Key {
    Key(bytes(hex).try_into().unwrap())
}

fn pair(suite: Suite) -> (Srtp, Srtp) {
    let (ours, theirs) = (Key([7; 30]), Key([9; 30]));
    let crypto = Crypto { suite, ours, theirs };
    (Srtp::new(crypto), Srtp::new(Crypto { suite, ours: theirs, theirs: ours }))
}

fn rtp(sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 8];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0, 0, 0, 160, 0, 0, 0xAB, 0xCD]);
    packet.extend(payload);
    packet
}

fn protected(srtp: &mut Srtp, packet: &[u8]) -> Vec<u8> {
    let mut bytes = packet.to_vec();
    srtp.protect(&mut bytes, 0);
    bytes
}

fn opened(srtp: &mut Srtp, packet: &[u8]) -> Result<Vec<u8>, Untrusted> {
    let mut bytes = packet.to_vec();
    let length = srtp.unprotect(&mut bytes)?;
    bytes.truncate(length);
    Ok(bytes)
}

/// RFC 3711 appendix B.2 and B.3 give the key stream and the derived keys.
#[test]
fn the_standards_own_numbers() {
    let master = key("E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6");
    let mut stream = vec![0; 16];
    let derived = Keys::derive(&master, 0);
    // B.3: the session encryption key C61E7A93744F39EE10734AFE3FF7A087 and salt 30CBBC08863D8C85D49DB34A9AE1; with
    // packet 0 of stream 0 the key stream begins with the encryption of the salt.
    derived.crypt(0, 0, &mut stream);
    let mut block = [0; 16];
    block[..14].copy_from_slice(&bytes("30CBBC08863D8C85D49DB34A9AE1"));
    let mut block = block.into();
    use aes::cipher::{BlockCipherEncrypt, KeyInit};
    let session: [u8; 16] = bytes("C61E7A93744F39EE10734AFE3FF7A087").try_into().unwrap();
    aes::Aes128::new(&session.into()).encrypt_block(&mut block);
    assert_eq!(stream, block.to_vec());
    // B.3: the session authentication key.
    use hmac::{Hmac, Mac};
    let mac = bytes("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4");
    let mut mac = <Hmac<sha1::Sha1> as hmac::KeyInit>::new_from_slice(&mac).unwrap();
    mac.update(b"packet");
    mac.update(&[0, 0, 0, 1]);
    assert_eq!(derived.tag(b"packet", &[0, 0, 0, 1]).to_vec(), mac.finalize().into_bytes().to_vec());
}

/// A packet as libsrtp's own test has it (test/srtp_driver.c: plaintext and ciphertext of srtp_validate).
#[test]
fn another_implementations_packet() {
    let master = key("E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6");
    let crypto = Crypto { suite: Suite::Tag80, ours: master, theirs: master };
    let plain = bytes("800f1234decafbadcafebabe abababababababababababababababab");
    let cipher = bytes("800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb");
    assert_eq!(protected(&mut Srtp::new(crypto), &plain), cipher);
    assert_eq!(opened(&mut Srtp::new(crypto), &cipher), Ok(plain));
}

#[test]
fn packets_come_out_as_they_went_in_round_after_round() {
    for suite in [Suite::Tag80, Suite::Tag32] {
        let (mut here, mut there) = pair(suite);
        for number in 65_000..200_000u32 {
            let packet = rtp(number as u16, &number.to_be_bytes());
            let cipher = protected(&mut here, &packet);
            assert_eq!(cipher.len(), packet.len() + suite.rtp_tag());
            assert_ne!(cipher[12..16], packet[12..16]);
            // Every tenth is lost.
            if number % 10 != 0 {
                assert_eq!(opened(&mut there, &cipher), Ok(packet), "{number}");
            }
        }
    }
}

#[test]
fn headers_with_sources_and_extensions_stay_readable() {
    let (mut here, mut there) = pair(Suite::Tag80);
    let mut packet = rtp(1, &[]);
    packet[0] = 0x92;
    packet.extend([1; 8]);
    packet.extend([0xBE, 0xDE, 0, 1, 5, 6, 7, 8]);
    packet.extend([0x55; 160]);
    let cipher = protected(&mut here, &packet);
    assert_eq!(cipher[..28], packet[..28]);
    assert_eq!(opened(&mut there, &cipher), Ok(packet));
}

#[test]
fn what_was_changed_repeated_or_is_too_old_is_refused_and_changes_nothing() {
    let (mut here, mut there) = pair(Suite::Tag80);
    let cipher: Vec<Vec<u8>> = (1..400).map(|number| protected(&mut here, &rtp(number, &[1; 20]))).collect();
    for position in 0..cipher[0].len() {
        let mut forged = cipher[0].clone();
        forged[position] ^= 1;
        assert_eq!(opened(&mut there, &forged), Err(Untrusted::Forged), "{position}");
    }
    for length in 0..cipher[0].len() {
        assert_eq!(opened(&mut there, &cipher[0][..length]), Err(Untrusted::Forged), "{length}");
    }
    for number in [0, 2, 1, 130, 4] {
        assert!(opened(&mut there, &cipher[number]).is_ok(), "{number}");
    }
    for number in [0, 2, 1, 130, 4] {
        assert_eq!(opened(&mut there, &cipher[number]), Err(Untrusted::Repeated), "{number}");
    }
    assert!(opened(&mut there, &cipher[300]).is_ok());
    assert_eq!(opened(&mut there, &cipher[131]), Err(Untrusted::Repeated), "out of sight");
    let plain = rtp(399, &[0xD5; 160]);
    assert_eq!(opened(&mut there, &plain), Err(Untrusted::Forged));
}

#[test]
fn reports_are_protected_numbered_and_short_ones_refused() {
    let (mut here, mut there) = pair(Suite::Tag32);
    let report = [&[0x80, 201, 0, 1, 0, 0, 0, 9][..], &[0x81, 202, 0, 2, 0, 0, 0, 9, 1, 1, b'x', 0]].concat();
    let mut last = Vec::new();
    for number in 1..=3u32 {
        let mut cipher = report.clone();
        here.protect_control(&mut cipher, 0);
        assert_eq!(cipher.len(), report.len() + 14);
        assert_eq!(cipher[report.len()..report.len() + 4], (1 << 31 | number).to_be_bytes());
        assert_eq!(cipher[..8], report[..8]);
        let mut opened = cipher.clone();
        let length = there.unprotect_control(&mut opened).unwrap();
        assert_eq!(opened[..length], report);
        last = cipher;
    }
    assert_eq!(there.unprotect_control(&mut last.clone()), Err(Untrusted::Repeated));
    for length in 0..last.len() {
        assert_eq!(there.unprotect_control(&mut last.clone()[..length]), Err(Untrusted::Forged), "{length}");
    }
}

#[test]
fn a_new_agreement_keeps_the_direction_whose_key_stays() {
    let (mut here, mut there) = pair(Suite::Tag80);
    let first = protected(&mut here, &rtp(1, &[1; 20]));
    opened(&mut there, &first).unwrap();
    let crypto = Crypto { ours: Key([3; 30]), ..there.crypto };
    there.agree(crypto);
    assert_eq!(opened(&mut there, &first), Err(Untrusted::Repeated), "still known");
    there.agree(Crypto { theirs: Key([4; 30]), ..crypto });
    assert_eq!(opened(&mut there, &first), Err(Untrusted::Forged));
    assert_eq!(format!("{crypto:?}"), "Crypto { suite: Tag80, ours: Key(..), theirs: Key(..) }");
}
