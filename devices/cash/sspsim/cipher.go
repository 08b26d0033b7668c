package sspsim

import (
	"crypto/aes"
	"encoding/binary"
	"math/big"
)

// keys are the unit's side of the key agreement.
type keys struct {
	Generator uint64 `json:"generator"`
	Modulus   uint64 `json:"modulus"`
	Shared    uint64 `json:"shared"`
	Agreed    bool   `json:"agreed"`
	Count     uint32 `json:"count"` // of the next packet from the host
}

// agree takes the host's public number and gives the unit's.
func (k *keys) agree(theirs, secret uint64) uint64 {
	k.Shared, k.Agreed, k.Count = raise(theirs, secret, k.Modulus), true, 0
	return raise(k.Generator, secret, k.Modulus)
}

func raise(base, exp, mod uint64) uint64 {
	if mod == 0 {
		return 0
	}
	n := func(v uint64) *big.Int { return new(big.Int).SetUint64(v) }
	return new(big.Int).Exp(n(base), n(exp), n(mod)).Uint64()
}

func aesKey(fixed, shared uint64) []byte {
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, fixed), shared)
}

// lock makes the data of an encrypted packet: a length, the count, the data, padding to whole blocks, a checksum.
func lock(key []byte, count uint32, plain []byte) []byte {
	text := append(binary.LittleEndian.AppendUint32([]byte{byte(len(plain))}, count), plain...)
	for i := byte(0); (len(text)+2)%16 != 0; i++ {
		text = append(text, i^0xA5)
	}
	text = binary.LittleEndian.AppendUint16(text, crc16(text))
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("sspsim: an AES key has 16 bytes")
	}
	out := make([]byte, len(text))
	for i := 0; i < len(text); i += 16 {
		block.Encrypt(out[i:], text[i:])
	}
	return append([]byte{0x7E}, out...)
}

// unlock reads the data of an encrypted packet; false when it is none under this key and count.
func unlock(key []byte, count uint32, data []byte) ([]byte, bool) {
	if len(data) < 17 || len(data)%16 != 1 {
		return nil, false
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("sspsim: an AES key has 16 bytes")
	}
	text := make([]byte, len(data)-1)
	for i := 0; i < len(text); i += 16 {
		block.Decrypt(text[i:], data[1+i:])
	}
	n, end := int(text[0]), len(text)-2
	if 5+n > end || crc16(text[:end]) != binary.LittleEndian.Uint16(text[end:]) || binary.LittleEndian.Uint32(text[1:]) != count {
		return nil, false
	}
	return text[5 : 5+n], true
}
