// Sorting, for the standard library's is 3 kB of code for every type that is sorted.

/// Sorts `count` elements where they are, by swapping two at a time; those that are equal end in any order. Williams and
/// Floyd, 1964: of the order of count × log(count) steps at worst, and no memory.
public func heapSort(_ count: Int, isBefore: (Int, Int) -> Bool, swap: (Int, Int) -> Void) {
  // Until `unheaped` is 0 the heap is built, its largest first; then that goes to the end, again and again.
  var end = count, unheaped = count / 2
  while end > 1 {
    if unheaped > 0 {
      unheaped -= 1
    } else {
      end -= 1
      swap(0, end)
    }
    var root = unheaped
    while root < end / 2 {
      var child = 2 * root + 1
      if child + 1 < end, isBefore(child, child + 1) { child += 1 }
      guard isBefore(root, child) else { break }
      swap(root, child)
      root = child
    }
  }
}
