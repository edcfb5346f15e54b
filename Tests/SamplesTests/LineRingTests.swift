import Samples
import Testing

private func text(_ ring: LineRing, last lines: Int) -> String {
  var out = Bytes()
  ring.write(last: lines, to: &out)
  return String(decoding: out, as: UTF8.self)
}

@Suite struct LineRingTests {
  @Test func theLastLinesAreGivenOldestFirst() {
    let ring = LineRing(capacity: 64)
    ring.append(Bytes("one\ntwo\nthree\n"))
    #expect(text(ring, last: 2) == "two\nthree\n")
    #expect(text(ring, last: 3) == "one\ntwo\nthree\n" && text(ring, last: 99) == "one\ntwo\nthree\n")
    #expect(text(ring, last: 0) == "" && text(ring, last: -1) == "")
    #expect(ring.dropped == 0 && ring.received == 14 && ring.linesReceived == 3 && ring.held == 14)
  }

  @Test func aLineWithoutItsNewlineWaitsForIt() {
    let ring = LineRing(capacity: 64)
    ring.append(Bytes("one\ntw"))
    #expect(text(ring, last: 9) == "one\n")
    ring.append(Bytes("o\n"))
    #expect(text(ring, last: 9) == "one\ntwo\n")
  }

  @Test func emptyLinesAreLines() {
    let ring = LineRing(capacity: 64)
    ring.append(Bytes("a\n\n\nb\n"))
    #expect(text(ring, last: 2) == "\nb\n" && text(ring, last: 3) == "\n\nb\n" && text(ring, last: 4) == "a\n\n\nb\n")
  }

  @Test func anEmptyRingAndOneWithoutANewlineGiveNothing() {
    let ring = LineRing(capacity: 8)
    #expect(text(ring, last: 5) == "")
    ring.append(Bytes("a line that is longer than the ring"))
    #expect(text(ring, last: 5) == "" && ring.held == 8 && ring.dropped == 27)
    ring.append(Bytes("\nok\n"))
    #expect(text(ring, last: 5) == "ok\n")
  }

  /// Against the plain way: every line kept, the last ones that fit.
  @Test(arguments: [1, 2, 7, 64, 100, 1000])
  func whateverTheSizesOfRingAndPiecesTheWholeLinesThatFitAreHeld(capacity: Int) {
    let ring = LineRing(capacity: capacity)
    var all = Bytes(), seed: UInt64 = 42
    for i in 0..<400 {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      var piece = Bytes()
      for _ in 0..<(seed >> 33) % 150 { piece.append(UInt8(97 + i % 26)) }
      if seed >> 60 != 0 { piece.append(0x0A) }
      ring.append(piece)
      all += piece
      var held = all.suffix(capacity)
      if all.count > capacity { held = held.drop { $0 != 0x0A }.dropFirst() }
      while let last = held.last, last != 0x0A { held = held.dropLast() }
      #expect(text(ring, last: .max) == String(decoding: held, as: UTF8.self))
      #expect(ring.received == UInt64(all.count) && ring.dropped == UInt64(max(0, all.count - capacity)))
    }
  }

  @Test func aReadThatFailsChangesNothing() {
    let ring = LineRing(capacity: 16)
    #expect(ring.receive { _ in -11 } == -11 && ring.received == 0)
    #expect(
      ring.receive {
        $0.copyBytes(from: Bytes("x\n")); return 2
      } == 2)
    #expect(text(ring, last: 1) == "x\n")
  }
}
