import Actions
import Samples
import Testing

@testable import memwarden

private let boot = bytes("7f89c5dc-029b-470e-9d4f-ca0c64ea4616")
private let saved: [SavedRedirect] = [
  SavedRedirect(
    path: bytes("/var/log/a b\n\"x\".log"), target: .ring, place: bytes("/run/memwarden/1.ring"),
    device: Device(major: 254, minor: 3), inode: 1 << 40, isComplete: true,
    writers: [
      LogWriter(
        identity: Identity(pid: 77, startTicks: .max),
        descriptors: [.init(number: 3, flags: 0o2102001), .init(number: 4, flags: 0o2100001)]),
      LogWriter(identity: Identity(pid: 78, startTicks: 5), descriptors: [.init(number: 9, flags: 1)]),
    ]),
  SavedRedirect(path: bytes("/x"), target: .file(bytes("/mnt/y")), place: bytes("/mnt/y"), isComplete: false),
]

@Test func whatIsSavedIsFoundAgain() {
  #expect(RedirectState.parse(RedirectState.text(saved, bootID: boot), bootID: boot) == saved)
  #expect(RedirectState.parse(RedirectState.text([], bootID: boot), bootID: boot) == [])
}

@Test func theStateOfAnotherBootIsNothing() {
  let other = bytes("00000000-029b-470e-9d4f-ca0c64ea4616")
  #expect(RedirectState.parse(RedirectState.text(saved, bootID: other), bootID: boot) == [])
}

@Test func aStateThatIsCutShortOrChangedAnywhereIsNotWhole() {
  let text = RedirectState.text(saved, bootID: boot)
  for n in 0..<text.count { #expect(RedirectState.parse(Bytes(text.prefix(n)), bootID: boot) == nil) }
  for i in text.indices {
    for change: UInt8 in [1, 0x20, 0x80] {
      var other = text
      other[i] ^= change
      let found = RedirectState.parse(other, bootID: boot)
      #expect(found == nil || found == saved, "byte \(i)")
    }
  }
}

@Test func hostileStatesWithARightSumAreRefused() {
  for body in [
    "writer 1 2 3 4\n", "redirect 2f78 6e756c6c\n", "redirect 2f78 6e756c6c 78 1 1 1\n",
    "redirect 2f7 6e756c6c 2f 1 1 1\n",
    "redirect 2f78 6e756c6c 2f78 1 1 1\nwriter 1 5 3 1\n",
    "redirect 2f78 6e756c6c 2f78 1 1 1\nwriter 99999999999 5 3 1\n",
    "nonsense\n", "\n",
  ] {
    let empty = RedirectState.text([], bootID: boot)
    let head = empty.prefix(through: empty.firstIndex(of: 0x0A) ?? 0)
    let text = Bytes(head) + bytes(body)
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in text { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    #expect(RedirectState.parse(text + bytes("sum \(hash)\n"), bootID: boot) == nil, "\(body)")
  }
}
