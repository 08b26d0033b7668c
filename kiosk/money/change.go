package money

// Change chooses pieces from what there is, worth as much as possible and not more than amount: the change that a
// machine can give. rest is what no piece is left for. Of the choices that are worth the same it takes one with the
// fewest pieces. Only pieces of CNY with a face above zero are looked at. Its work grows with the amount in steps of
// the faces' greatest common divisor: 100 yuan in jiao are a thousand of them.
func Change(amount Fen, stock Counts) (pieces Counts, rest Fen) {
	var rows Counts
	step := Fen(0)
	for _, row := range stock {
		if row.Currency == CNY && row.Face > 0 && row.Face <= amount && row.Count > 0 {
			rows, step = append(rows, row), gcd(step, row.Face)
		}
	}
	if step == 0 {
		return nil, max(amount, 0)
	}
	total := int(min(amount, rows.Total()) / step)
	used := fewest(rows, step, total)
	for worth := total; worth > 0; worth-- {
		if last := used[len(rows)-1]; last[worth] == unreachable {
			continue
		}
		left := worth
		for i := len(rows) - 1; i >= 0; i-- {
			n := taken(used, rows, step, i, left)
			pieces = pieces.Plus(rows[i].Face, CNY, int64(n))
			left -= n * int(rows[i].Face/step)
		}
		return pieces, amount.Sub(step.Times(int64(worth)))
	}
	return nil, amount
}

// unreachable marks a worth that the pieces do not make up.
const unreachable = -1

// fewest tells for each row and each worth, in steps, how many pieces of this and the earlier rows make it up at least.
func fewest(rows Counts, step Fen, total int) [][]int {
	out := make([][]int, len(rows))
	before := make([]int, total+1)
	for worth := range before[1:] {
		before[worth+1] = unreachable
	}
	for i, row := range rows {
		face := int(row.Face / step)
		now := make([]int, total+1)
		for worth := range now {
			now[worth] = unreachable
			for n := 0; n*face <= worth && int64(n) <= row.Count; n++ {
				if b := before[worth-n*face]; b != unreachable && (now[worth] == unreachable || b+n < now[worth]) {
					now[worth] = b + n
				}
			}
		}
		out[i], before = now, now
	}
	return out
}

// taken is how many pieces of row i the fewest for this worth has; of equal ones the choice with fewer of them.
func taken(used [][]int, rows Counts, step Fen, i, worth int) int {
	face := int(rows[i].Face / step)
	for n := 0; n*face <= worth; n++ {
		left := worth - n*face
		before := unreachable
		if i > 0 {
			before = used[i-1][left]
		} else if left == 0 {
			before = 0
		}
		if int64(n) <= rows[i].Count && before != unreachable && before+n == used[i][worth] {
			return n
		}
	}
	return 0
}

func gcd(a, b Fen) Fen {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
