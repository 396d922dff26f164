//! HTTP/2 frame by frame, for what no well-behaved client would send: RFC 9113 §4.1, RFC 7541.

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// `SETTINGS_INITIAL_WINDOW_SIZE`.
pub(crate) const WINDOW: u16 = 4;

/// What a connection begins with: the preface and the client's settings.
pub(crate) fn opening(settings: &[(u16, u32)]) -> Vec<u8> {
    let payload = settings
        .iter()
        .flat_map(|(name, value)| [&name.to_be_bytes()[..], &value.to_be_bytes()[..]].concat())
        .collect::<Vec<_>>();
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &frame(SETTINGS, 0, 0, &payload)[..]].concat()
}

/// One frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a length").to_be_bytes();
    let head = [length[1], length[2], length[3], kind, flags];
    [&head[..], &stream.to_be_bytes()[..], payload].concat()
}

/// A whole GET of `path` as the only frame of its stream.
pub(crate) fn get(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &block("GET", path))
}

/// The header block of a request, nothing in it compressed by more than the static table.
pub(crate) fn block(method: &str, path: &str) -> Vec<u8> {
    let mut block = vec![0x86]; // :scheme: http
    for (name, value) in [(2, method), (4, path), (1, "a")] {
        // Literal, never indexed, the name from the static table: :method, :path, :authority.
        block.push(0x10 | name);
        text(&mut block, value);
    }
    block
}

/// A field that goes into the dynamic table, where its index is 62 until the next one comes.
pub(crate) fn indexed_field(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0x40];
    text(&mut field, name);
    text(&mut field, value);
    field
}

/// A text of RFC 7541 §5.2, its length as §5.1 has integers.
fn text(block: &mut Vec<u8>, text: &str) {
    let length = text.len();
    if length < 127 {
        block.push(u8::try_from(length).expect("short"));
    } else {
        block.push(127);
        let mut rest = length - 127;
        while rest >= 128 {
            block.push(u8::try_from(rest % 128 + 128).expect("seven bits and one"));
            rest /= 128;
        }
        block.push(u8::try_from(rest).expect("seven bits"));
    }
    block.extend_from_slice(text.as_bytes());
}
