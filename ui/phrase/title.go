package phrase

import "yichuang/kiosk/front"

// sentences is everything kioskd can say; each part of it lies in its own file.
var sentences = union(titles, hints, waits, says, labels, answers)

// union joins the parts. A phrase in two of them would be two truths.
func union(parts ...map[front.Phrase]words) map[front.Phrase]words {
	all := map[front.Phrase]words{}
	for _, part := range parts {
		for p, w := range part {
			if _, twice := all[p]; twice {
				panic("phrase: written twice: " + string(p))
			}
			all[p] = w
		}
	}
	return all
}

var titles = map[front.Phrase]words{
	front.TitleHome:    {"您好，要办什么事？", "Hello. What would you like to do?"},
	front.TitleApply:   {"要办哪一项？", "What would you like to apply for?"},
	front.TitlePay:     {"要缴哪一项？", "What would you like to pay?"},
	front.TitleLook:    {"查我办的事", "Look up my cases"},
	front.TitleGuide:   {"办之前，先看一看", "Before you begin"},
	front.TitleAsk:     {"大家常问的", "What people often ask"},
	front.TitleRate:    {"这次办得怎么样？", "How was it today?"},
	front.TitleHelp:    {"请人帮忙", "Getting help"},
	front.TitleAccount: {"请输入户号，或扫账单", "Type your account number, or scan your bill"},
	front.TitleBill:    {"这是您的账单吗？", "Is this your bill?"},
	front.TitleMethod:  {"想怎么付？", "How would you like to pay?"},
	front.TitleCard:    {"请把身份证放到绿色框里", "Lay your identity card on the green field"},
	front.TitleSign:    {"请用手指签名", "Please sign with your finger"},
	front.TitleReview:  {"请看一看，都对吗？", "Please check: is all of this right?"},
	front.TitleWait:    {"请稍等", "One moment, please"},
	front.TitlePrint:   {"正在打印您的执照", "Your license is being printed"},
	front.TitleTake:    {"请取走您的东西", "Please take your things"},
	front.TitleSlip:    {"请拿好这张凭条", "Please take this slip"},
	front.TitleBye:     {"办好了，请慢走", "All done. Goodbye"},
	front.TitleThanks:  {"请慢走", "Goodbye"},
	front.TitleCases:   {"您办过的事", "Your cases"},
	front.TitleClosed:  {"这台机器正在休息", "This terminal is resting"},
	front.TitleDeclare: {"请读一读，再确认", "Please read this, then confirm"},
}

var hints = map[front.Phrase]words{
	front.HintNoPhone:       {"不用手机也能办 · 收现金 · 有疑问请按右下角“请人帮忙”", "No phone needed · cash is fine · for help, touch \"Help\" at the bottom right"},
	front.HintAccount:       {"户号印在纸质账单的右上角。也可以把账单上的条码对准扫描口。", "The number is at the top right of your paper bill. You can also hold the bill's code under the scanner."},
	front.HintCard:          {"放好以后先别拿走，屏幕说可以了再取。", "Leave the card there until the screen says you can take it."},
	front.HintHoldStill:     {"正在读您的身份证，请不要移动。", "Your card is being read. Please leave it where it is."},
	front.HintCardPrivate:   {"办完以后，这台机器上不会留下您身份证的任何内容。", "When you are done, nothing from your card stays on this machine."},
	front.HintSurplusKept:   {"多出的钱会存进这个户头，下次自动抵扣。", "Anything you pay over stays on this account and counts towards your next bill."},
	front.HintSurplusOwed:   {"多出的钱会打一张凭条给您，凭条可以领回现金。", "Anything you pay over is put on a slip, and you get the money back with it."},
	front.HintChange:        {"多出的钱当场找给您。", "Your change comes out at once."},
	front.HintChangeSome:    {"多出的钱尽量当场找给您，找不开的打一张凭条。", "Your change comes out at once as far as the machine has it; for the rest you get a slip."},
	front.HintStopChange:    {"中途不付了：还没收进钱箱的当场退给您；已收进的尽量当场退给您，不够的打一张凭条。", "If you stop: a note not yet in the box comes straight back. What is in the box is paid back at once as far as the machine can; for the rest you get a slip."},
	front.HintCoins:         {"也可以放硬币，放进硬币口。", "Coins are taken too, in the coin slot."},
	front.HintNoChange:      {"这台机器不能找零。", "This machine cannot give change."},
	front.HintCancelPart:    {"中途不付了：还没收进钱箱的纸币当场退给您；已收进的，可以算作缴了一部分，也可以打凭条领回。", "If you stop: a note not yet in the cash box comes straight back. What is already in the box can pay part of the bill, or you get it back with a slip."},
	front.HintCancelChange:  {"中途不付了：还没收进钱箱的当场退给您；已收进的，可以算作缴了一部分，也可以当场退给您，不够的打一张凭条。", "If you stop: a note not yet in the box comes straight back. What is in the box pays part of the bill, or is paid back at once as far as the machine can; for the rest you get a slip."},
	front.HintCancelOwed:    {"中途不付了：还没收进钱箱的纸币当场退给您；已收进的会打凭条，凭条可以领回。", "If you stop: a note not yet in the cash box comes straight back. For what is already in the box you get a slip, and the money back with it."},
	front.HintOneByOne:      {"绿灯亮时，一张一张放进去。退出来的纸币，请换一张或换个方向再试。", "Put notes in one by one when the light is green. If one comes out, try another or turn it round."},
	front.HintFewFaces:      {"机器里的零钱不多，现在只收上面这几种纸币。", "Little change is left inside: only the notes above are taken now."},
	front.HintShowCode:      {"打开手机微信，扫这个码，付 {fen} 元。", "Open WeChat on your phone and scan this code to pay {fen} yuan."},
	front.HintScanCode:      {"打开手机上的付款码，对准下面的扫描口。", "Open the payment code on your phone and hold it under the scanner."},
	front.HintSign:          {"在白框里用手指写您的名字，写不好可以重写。", "Write your name in the white box with your finger. You can start again if you like."},
	front.HintReview:        {"有不对的，按“返回”去改。按“提交”以后，大厅几秒钟内就会答复。", "If something is wrong, touch \"Back\" and change it. When you touch \"Submit\", the hall answers within seconds."},
	front.HintReviewOffline: {"现在和大厅的线路断着。可以先收下，线路通了再审，到时凭身份证来取。", "There is no line to the hall just now. We accept this now and it is decided when the line is back; then come back with your card."},
	front.HintTakeChange:    {"机器出来的钱请拿好，当面数一数。", "Please take the money that came out, and count it."},
	front.HintPayBack:       {"当场退；机器里零钱不够的部分打凭条", "At once; what the machine has no change for is put on a slip"},
	front.HintTakeReceipt:   {"收据从出纸口出来，请拿好。", "Your receipt comes out of the slot. Please take it."},
	front.HintTakeLicense:   {"执照的正本和副本在下面的纸盒里，请都拿好。", "The original and the duplicate are in the tray below. Please take both."},
	front.HintSheetVoid:     {"有一张执照纸印坏了，不算数，请留在原处，工作人员会来收。", "One license sheet was spoiled and is void. Please leave it where it is; our staff will collect it."},
	front.HintTakeCard:      {"别忘了您的身份证。", "Do not forget your card."},
	front.HintSlipOwed:      {"我们还该给您 {amount} 元。工作日到本中心任一窗口报领款码，就能领回。码只能用一次，请收好。", "We owe you {amount} yuan. Give the code at any counter of this centre on a working day and you get it back. The code works once; please keep it safe."},
	front.HintSlipNext:      {"带身份证再来就行。您的办件编号是 {case}。", "Just come back with your card. Your case number is {case}."},
	front.HintRate:          {"点一下笑脸就行，不会记您的名字。", "Just touch a face. Your name is not kept with it."},
	front.HintBye:           {"谢谢。请带齐身份证、收据和您的东西。", "Thank you. Please take your card, your receipt and all your things."},
	front.HintHelp:          {"请打电话 {phone}，告诉他们下面写的是哪台机器。工作日也可以到服务窗口找人。", "Please call {phone} and say which machine you are at; it is written below. On working days you can also ask at a counter."},
	front.HintTyping:        {"点字母拼出读音，再点您要的字。", "Touch letters to spell the sound, then touch the word you mean."},
	front.HintTree:          {"一层一层往下选。", "Choose level by level."},
	front.HintScope:         {"可以选一项，也可以选几项。", "Choose one or more."},
	front.HintDone:          {"办好了，大厅已经收到。", "Done. The hall has received it."},
	front.HintQueued:        {"已经稳稳记下，线路通了就会送到大厅。", "It is safely written down and goes to the hall when the line is back."},
	front.HintPosted:        {"收费单位已经收到这笔钱。", "The company has received your payment."},
}

var waits = map[front.Phrase]words{
	front.WaitBill:    {"正在替您查账单", "Asking for your bill"},
	front.WaitHall:    {"大厅正在审，很快就好", "The hall is deciding; it will not take long"},
	front.WaitNote:    {"纸币正在进去，请稍等", "The note is going in, one moment"},
	front.WaitReceipt: {"正在打印收据", "Your receipt is being printed"},
	front.WaitOrder:   {"正在准备付款码", "Getting the payment ready"},
	front.WaitPaying:  {"请在手机上确认付款", "Please confirm the payment on your phone"},
	front.WaitQuery:   {"正在核对钱到了没有", "Checking whether your payment has arrived"},
	front.WaitLine:    {"暂时没有网络。您付的钱不会丢，网络一通就核对", "No line just now. What you pay is safe, and is checked when the line is back"},
	front.WaitReverse: {"正在把这笔付款退回，可能要等 {seconds} 秒", "Taking the payment back; this can take {seconds} seconds"},
	front.WaitPosting: {"正在告诉收费单位", "Telling the company"},
	front.WaitChange:  {"钱正在出来，请拿好", "Your money is coming out. Please take it"},
	front.WaitLicense: {"正在打印第 {done} 张，共 {of} 张", "Printing sheet {done} of {of}"},
	front.WaitCases:   {"正在查您办过的事", "Looking for your cases"},
	front.WaitPermit:  {"正在请大厅准许打印", "Asking the hall for leave to print"},
	front.WaitSettle:  {"刚才停过电，机器正在弄清停电前办到哪里", "The power was off. The machine is finding out how far things had got"},
	front.WaitSubmit:  {"正在交上去", "Handing it in"},
	front.WaitSlip:    {"正在打印凭条", "Your slip is being printed"},
}
