import Samples
import Testing

@Test func whatIsSortedIsInOrderAndAllThere() {
  var generator = SystemRandomNumberGenerator()
  for count in [0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 100, 1000] {
    for most in [1, 3, 1_000_000] {
      var numbers = (0..<count).map { _ in Int.random(in: 0..<most, using: &generator) }
      let expected = numbers.sorted()
      heapSort(count, isBefore: { numbers[$0] < numbers[$1] }, swap: { numbers.swapAt($0, $1) })
      #expect(numbers == expected)
    }
  }
}

@Test func whatIsInOrderAlreadyOrBackwardsIsSorted() {
  for numbers in [Array(0..<100), Array((0..<100).reversed())] {
    var numbers = numbers
    heapSort(numbers.count, isBefore: { numbers[$0] < numbers[$1] }, swap: { numbers.swapAt($0, $1) })
    #expect(numbers == Array(0..<100))
  }
}
