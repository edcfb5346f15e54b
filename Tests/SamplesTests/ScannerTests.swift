import Testing

@testable import Samples

@Test func aNumberAboveSixtyFourBitsSaturates() {
  let text = Bytes("18446744073709551616 7")
  var s = ByteScanner(text.span)
  #expect(s.number() == .max)
  #expect(s.number() == 7)
  #expect(s.number() == nil)
}

@Test func theLargestNumbersAreReadExactly() {
  let text = Bytes("18446744073709551615 -9223372036854775808 9223372036854775807 -9223372036854775809 0377")
  var s = ByteScanner(text.span)
  #expect(s.number() == .max)
  #expect(s.signed() == .min)
  #expect(s.signed() == .max)
  #expect(s.signed() == .min)
  #expect(s.octal() == 255)
  #expect(s.isAtEnd == true)
}

@Test func aNumberOfTwentyThousandDigitsIsOneSaturatedNumber() {
  let text = Bytes(repeating: UInt8(ascii: "9"), count: 20_000) + Bytes(" 5")
  var s = ByteScanner(text.span)
  #expect(s.number() == .max)
  #expect(s.number() == 5)
}

@Test func anOctalNumberEndsAtItsFirstForeignDigit() {
  let text = Bytes("0178")
  var s = ByteScanner(text.span)
  #expect(s.octal() == 15)
  #expect(s.next == UInt8(ascii: "8"))
}

@Test func whatIsNoNumberIsNilAndNotZero() {
  for word: StaticString in ["", "-", "kB", "\n5", "+5", "\u{0}5"] {
    let text = Bytes(word)
    var s = ByteScanner(text.span)
    #expect(s.number() == nil)
  }
  let text = Bytes("- 5")
  var s = ByteScanner(text.span)
  #expect(s.signed() == nil)
}

@Test func aWordIsConsumedOnlyWhenAllOfItStandsThere() {
  let text = Bytes("Pss:")
  var s = ByteScanner(text.span)
  #expect(s.accept("Pss_Anon:") == false)
  #expect(s.accept("Psx:") == false)
  #expect(s.position == 0)
  #expect(s.accept("Pss:") == true)
  #expect(s.accept("P") == false)
  #expect(s.accept("") == true)
}

@Test func noCallLeavesTheTextWhateverItsBytes() {
  // Every text of one and two bytes, and every call twice: a trap here would be a trap on somebody's kernel.
  for first in UInt8.min...UInt8.max {
    for second in [0, 9, 10, 32, 45, 48, 57, 128, 255] as Bytes {
      let text = [first, second]
      var s = ByteScanner(text.span)
      for _ in 0..<2 {
        s.skipField()
        _ = s.signed()
        s.skipBlanks()
        _ = s.octal()
        s.skipLine()
      }
      #expect(s.position <= 2)
      s.move(to: -5)
      #expect(s.position == 0)
      s.move(to: 99)
      #expect(s.position == 2)
      #expect(s.next == nil)
    }
  }
}

@Test func aLineIsSkippedToBehindItsNewlineOrToTheEnd() {
  let text = Bytes("a b\nc")
  var s = ByteScanner(text.span)
  s.skipLine()
  #expect(s.next == UInt8(ascii: "c"))
  s.skipLine()
  #expect(s.isAtEnd == true)
}

@Test func bytesAreComparedWithALiteralWhole() {
  #expect(equal(Bytes("worker"), "worker"))
  #expect(!equal(Bytes("worker\u{0}"), "worker"))
  #expect(!equal(Bytes("worke"), "worker"))
  #expect(equal(Bytes(), ""))
}

@Test func aMaskIsReadInHexadecimal() {
  let text = Bytes("\t000001FFfeffffff\nrest")
  var s = ByteScanner(text.span)
  #expect(s.hexadecimal() == 0x1ff_feff_ffff)
  #expect(s.next == 0x0A)
  #expect(s.hexadecimal() == nil)
}
