// Package ipp drives the license printer: an A3/A4 printer spoken to in IPP over HTTP, whose own counters
// prove what came out on a numbered blank.
//
// It promises that a job is called printed only when the printer says that it completed and that as many
// sheets as expected were stacked, from the paper that was asked for; that no job is sent twice unless the
// printer has none of that name and surely never had; and that it says unknown, and never guesses, when the
// printer was switched off meanwhile, has forgotten the job or does not count. Which blank is whose, and whether
// a license may be printed at all, is decided above.
//
// # Data sheet
//
// RFC 8010 (encoding, transport), RFC 8011 (operations, states), PWG 5100.7 (media-col), PWG 5100.14 (IPP
// Everywhere), PWG 5101.1 (media names). HTTP POST of application/ipp, port 631, mostly to /ipp/print; ipps is
// the same in TLS. A USB printer is reached by package ippusb, or appears at localhost through the ipp-usb service.
//
//   - A job is made with Create-Job and Send-Document, so that its number is known before the document is
//     sent; an unfinished one is given up by the printer after multiple-operation-time-out. Printers of IPP
//     1.1 have Print-Job alone.
//   - ipp-attribute-fidelity is true and print-scaling none: a printer that would take other paper must refuse.
//     Successful-ok-ignored-or-substituted-attributes (0001) with something in its unsupported group is a refusal.
//   - media-col names size and tray; where the printer does not know the collection, and only one tray holds
//     such paper, the media keyword is sent.
//   - job-media-sheets-completed, or else job-impressions-completed, counts what has been marked and stacked
//     (RFC 8011, 5.3.18.2). A sheet that is stuck inside is in no counter; therefore a jam seen during a job
//     makes it spoiled even at zero.
//   - sides is one-sided unless the job wants otherwise; a printer without a unit that turns sheets over refuses.
//   - printer-up-time tells whether the printer has been off since a moment; job numbers begin anew then, so
//     a job is believed only when its name agrees as well.
//   - A job that has ended is forgotten after a time that each printer chooses, even at once. That a job is not known
//     therefore does not mean that it never came, unless it had no number and was sent a minute ago at most.
//   - Cancel-Job does not mean "not printed": the printer goes on to the end of the sheet. The counters say.
//
// # At power-up
//
// The list of jobs is empty on most printers. What was on its way is unknown.
//
// # What printers get wrong
//
//   - Reasons come with -warning where they stop the job, and without any suffix; while a job does not get on
//     they are taken for its cause whatever their suffix.
//   - A spooler (cupsd) says completed when it has sent the bytes, and its counters count what it has sent. It is
//     recognised by attributes that only a spooler has (cups-version, printer-type, device-uri; seen in CUPS 2.4.2).
//     It gets no originals; a proof or receipt it may print, of which the end is unknown.
//   - ippeveprinter (CUPS 2.4.2) counts only what its command tells it, knows one job at a time and calls every
//     reason a warning.
//   - One that counts sides and not sheets (job-impressions-completed alone) has finished a sheet that is turned
//     over at its second side, or at the last side of the job.
//   - Some close the connection while they print; a request that broke off before an answer is asked anew only
//     where asking twice is harmless.
//
// # Not supported
//
// Printers that take no PDF; authentication. Licenses have one side; both sides of a sheet are for other papers.
package ipp
