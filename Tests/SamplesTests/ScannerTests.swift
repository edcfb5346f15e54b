import Testing

@testable import Samples

@Test func aNumberAboveSixtyFourBitsSaturates() {
  let text = Bytes("18446744073709551616 7")
  var s = ByteScanner(text.span)
  #expect(s.number() == .max)
  #expect(s.number() == 7)
  #expect(s.number() == nil)
}
