//! A path → the kind of disk it is on, where that is one that others write to unseen.
//!
//! The kernel tells of what goes through it. What another machine, or a program outside of a
//! container's own kernel, writes on such a disk is found by looking only.

use std::path::Path;

/// The types that `statfs` gives (statfs(2), and `magic.h` of Linux), and what people call them.
const KINDS: &[(u32, &str)] = &[
    (0x0000_6969, "NFS"),
    (0xff53_4d42, "SMB (CIFS)"),
    (0xfe53_4d42, "SMB"),
    (0x0000_517b, "SMB"),
    (0x6573_5546, "FUSE"),
    (0x0102_1997, "9P"),
    (0x00c3_6400, "Ceph"),
    (0x5346_414f, "AFS"),
    (0x6b41_4653, "AFS"),
    (0x7375_7245, "Coda"),
    (0x0bd0_0bd0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x1983_0326, "BeeGFS"),
    (0x0116_1970, "GFS2"),
    (0x7461_636f, "OCFS2"),
    (0x786f_4256, "a shared folder of VirtualBox"),
    (0xbacb_acbc, "a shared folder of VMware"),
];

/// What kind of network disk `path` is on; nothing for a disk of this machine, or where the system
/// does not say.
pub(crate) fn of(path: &Path) -> Option<&'static str> {
    // Types are 32 bits in numbers of other widths and signs.
    let kind = i128::from(rustix::fs::statfs(path).ok()?.f_type) & 0xffff_ffff;
    u32::try_from(kind).ok().and_then(named)
}

fn named(kind: u32) -> Option<&'static str> {
    KINDS.iter().find(|(of, _)| *of == kind).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_that_others_write_to_are_told_from_those_of_this_machine() {
        // As `stat -f -c %t` shows them.
        for (kind, expected) in [
            (0x6969, Some("NFS")),
            (0xff53_4d42, Some("SMB (CIFS)")),
            (0xfe53_4d42, Some("SMB")),
            (0x6573_5546, Some("FUSE")),
            (0x0102_1997, Some("9P")),
            (0xef53, None),      // ext4
            (0x0102_1994, None), // tmpfs
            (0x9123_683e, None), // btrfs
            (0x5846_5342, None), // XFS
            (0x794c_7630, None), // overlayfs, which containers have
        ] {
            assert_eq!(named(kind), expected, "{kind:x}");
        }
        assert_eq!(of(Path::new("/proc/self/status")), None);
        assert_eq!(of(Path::new("/nowhere/at/all")), None);
    }
}
