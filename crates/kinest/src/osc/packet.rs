//! Messages to packets and back.

use rosc::{OscMessage, OscPacket, OscType};

/// Bytes that a UDP packet can have at most.
pub const LARGEST_PACKET: usize = 65_507;
/// Packets are kept below this, so that no network splits them.
const WHOLE: usize = 1400;
/// Bundles in bundles, deeper than which a packet is refused.
const DEEPEST: usize = 8;
/// A bundle starts with this and eight bytes of time.
const BUNDLE: &[u8] = b"#bundle\0";
/// The time tag of what is meant at once.
const AT_ONCE: [u8; 8] = [0, 0, 0, 0, 0, 0, 0, 1];

/// Why bytes are no OSC packet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketProblem {
    /// More bytes than a packet can have.
    #[error("an OSC packet of {0} bytes")]
    TooLarge(usize),
    /// A bundle ends in the middle of a message.
    #[error("an OSC bundle is cut off at byte {0}")]
    CutOff(usize),
    /// Bundles in bundles without end.
    #[error("OSC bundles are nested more than {DEEPEST} deep")]
    TooDeep,
    /// A message is not as OSC says.
    #[error("an OSC message at byte {at}: {problem}")]
    Message {
        /// Its first byte.
        at: usize,
        /// What is wrong.
        problem: String,
    },
}

/// The messages of a packet, in their order. Time tags are not kept: everything is meant at once.
///
/// A message with a list among its arguments is there without any: what is read here has none with lists, so who takes
/// it counts it as foreign, and the others of its bundle are used.
///
/// # Errors
/// If the bytes are no OSC packet. Then none of it is used.
pub fn messages(packet: &[u8]) -> Result<Vec<OscMessage>, PacketProblem> {
    if packet.len() > LARGEST_PACKET {
        return Err(PacketProblem::TooLarge(packet.len()));
    }
    let mut all = Vec::new();
    // Places of packets that are still to be read, with how deep they are: a list, because bundles from outside may
    // be nested deeper than a stack.
    let mut open = vec![(0, packet.len(), 0)];
    while let Some((start, end, depth)) = open.pop() {
        let bytes = &packet[start..end];
        if !bytes.starts_with(BUNDLE) {
            all.push(message(bytes, start)?);
            continue;
        }
        if depth == DEEPEST {
            return Err(PacketProblem::TooDeep);
        }
        let mut at = start + BUNDLE.len() + AT_ONCE.len();
        if at > end {
            return Err(PacketProblem::CutOff(start));
        }
        let first = open.len();
        while at < end {
            let cut = PacketProblem::CutOff(at);
            let size = packet.get(at..at + 4).and_then(|size| size.try_into().ok());
            let size = size.map(u32::from_be_bytes).ok_or(cut.clone())? as usize;
            let next = (at + 4).checked_add(size).filter(|next| *next <= end).ok_or(cut)?;
            open.push((at + 4, next, depth + 1));
            at = next;
        }
        open[first..].reverse();
    }
    Ok(all)
}

fn message(bytes: &[u8], at: usize) -> Result<OscMessage, PacketProblem> {
    let fail = |problem: &str| PacketProblem::Message { at, problem: problem.into() };
    let text_end = |from: usize| bytes.get(from..)?.iter().position(|byte| *byte == 0);
    if bytes.first() != Some(&b'/') {
        return Err(fail("its address does not start with `/`"));
    }
    let tags = text_end(0).map(|end| (end + 1).next_multiple_of(4));
    let tags = tags.and_then(|from| bytes.get(from..from + text_end(from)?));
    // Lists in lists without end are no use, and freeing them takes a stack as deep.
    if tags.is_some_and(|tags| tags.contains(&b'[')) {
        let address = text_end(0).and_then(|end| std::str::from_utf8(&bytes[..end]).ok());
        let address = address.ok_or_else(|| fail("its address is no text"))?;
        return Ok(osc(address, vec![]));
    }
    match rosc::decoder::decode_udp(bytes) {
        Ok((_, OscPacket::Message(message))) => Ok(message),
        Ok(_) => Err(fail("it is a bundle")),
        Err(error) => Err(fail(&error.to_string())),
    }
}

/// Bundles of messages, in their order, each small enough not to be split on its way. A message that is larger is
/// alone in its bundle.
#[must_use]
pub fn bundled(messages: &[OscMessage]) -> Vec<Vec<u8>> {
    let mut packets: Vec<Vec<u8>> = Vec::new();
    for message in messages {
        let bytes = encoded(message);
        let needed = 4 + bytes.len();
        if packets.last().is_none_or(|packet| packet.len() + needed > WHOLE) {
            packets.push([BUNDLE, &AT_ONCE].concat());
        }
        if let Some(packet) = packets.last_mut() {
            packet.extend((bytes.len() as u32).to_be_bytes());
            packet.extend(bytes);
        }
    }
    packets
}

fn encoded(message: &OscMessage) -> Vec<u8> {
    // Writing into memory does not fail.
    rosc::encoder::encode(&OscPacket::Message(message.clone())).unwrap_or_default()
}

/// A message.
pub(super) fn osc(address: &str, args: Vec<OscType>) -> OscMessage {
    OscMessage { addr: address.into(), args }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundles_hold_their_messages_in_order_and_stay_small() {
        let all: Vec<OscMessage> = (0..200)
            .map(|k| osc("/a/message", vec![OscType::Int(k), OscType::Float(0.5)]))
            .collect();
        let packets = bundled(&all);
        assert!(packets.len() > 3 && packets.iter().all(|packet| packet.len() <= WHOLE));
        let back: Vec<OscMessage> = packets.iter().flat_map(|p| messages(p).unwrap()).collect();
        assert_eq!(back, all);
    }

    /// The example of the OSC 1.0 specification.
    #[test]
    fn bytes_are_those_of_the_specification() {
        let message = osc("/oscillator/4/frequency", vec![OscType::Float(440.0)]);
        let bytes = b"/oscillator/4/frequency\0,f\0\0\x43\xdc\0\0";
        assert_eq!(encoded(&message), bytes);
        assert_eq!(messages(bytes), Ok(vec![message]));
    }

    /// Programs send lists beside what is understood here.
    #[test]
    fn a_list_takes_its_message_and_not_the_bundle() {
        let list =
            OscType::Array(rosc::OscArray { content: vec![OscType::Int(1), OscType::Float(2.0)] });
        let bone = |name: &str| {
            let numbers = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0].map(OscType::Float);
            let args = std::iter::once(OscType::String(name.into())).chain(numbers);
            osc("/VMC/Ext/Bone/Pos", args.collect())
        };
        let with_list = osc("/VMC/Ext/Bone/Pos", vec![OscType::String("Hips".into()), list]);
        let packets = bundled(&[bone("Head"), with_list, bone("Neck")]);
        assert_eq!(packets.len(), 1);
        let nameless = osc("/VMC/Ext/Bone/Pos", vec![]);
        assert_eq!(messages(&packets[0]), Ok(vec![bone("Head"), nameless, bone("Neck")]));
        let mut marionette = crate::osc::vmc::Marionette::default();
        marionette.receive(&packets[0]).unwrap();
        assert_eq!((marionette.bones_received(), marionette.ignored()), (2, 1));
    }

    #[test]
    fn bundles_in_bundles_are_read_and_endless_ones_refused() {
        let inner = b"/a\0\0,\0\0\0".to_vec();
        let nested = |depth: usize| {
            (0..depth).fold(inner.clone(), |packet, _| {
                let size = (packet.len() as u32).to_be_bytes();
                [BUNDLE, &AT_ONCE, &size, &packet].concat()
            })
        };
        assert_eq!(messages(&nested(DEEPEST)).unwrap().len(), 1);
        assert_eq!(messages(&nested(DEEPEST + 1)), Err(PacketProblem::TooDeep));
        assert_eq!(messages(&nested(3000)), Err(PacketProblem::TooDeep));
        let list = [b"/a\0\0,".to_vec(), vec![b'['; 60_000], vec![0; 3]].concat();
        assert_eq!(messages(&list), Ok(vec![osc("/a", vec![])]));
        assert_eq!(messages(&vec![0; 70_000]), Err(PacketProblem::TooLarge(70_000)));
        assert_eq!(messages(b"#bundle\0"), Err(PacketProblem::CutOff(0)));
        let two = nested(2);
        for end in 1..two.len() {
            // A bundle of none is one.
            assert!(messages(&two[..end]).map_or(true, |all| all.is_empty()), "{end}");
        }
        messages(b"").unwrap_err();
        messages(b"/a\0\0,s\0\0").unwrap_err();
    }
}
