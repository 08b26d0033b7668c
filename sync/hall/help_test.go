package hall_test

import "yichuang/kiosk/money"

func fen(n int64) money.Fen { return money.Fen(n) }
