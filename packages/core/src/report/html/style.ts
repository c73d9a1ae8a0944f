/** How the page looks, on a screen in light and dark and on paper. Its hash is in the page's content security policy. */
export const style: string = `
:root{color-scheme:light dark;--paper:#fbfbfa;--card:#fff;--ink:#1d2329;--soft:#5b6670;--rule:#e0e4e7;--grid:#eceff1;
--good:#1a7f4b;--bad:#c0352b;--doubt:#a86400;--goodwash:#e8f5ee;--badwash:#fdecea;--doubtwash:#fdf3e1;
--blue:#2166ac;--orange:#d95f02;--teal:#12866f;--violet:#7048a8;--red:#c0352b;--grey:#76828c;--gold:#b58900}
@media (prefers-color-scheme:dark){:root{--paper:#14181b;--card:#1c2125;--ink:#e4e8ea;--soft:#9aa7b0;--rule:#333b41;--grid:#293036;
--good:#52c98a;--bad:#ff8279;--doubt:#f0b555;--goodwash:#16301f;--badwash:#3a1d1a;--doubtwash:#35290f;
--blue:#6cb0f0;--orange:#ff9d57;--teal:#4ec9ac;--violet:#b79af0;--red:#ff8279;--grey:#8c99a3;--gold:#e3c04a}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main,header,footer{max-width:1120px;margin:0 auto;padding:0 20px}
header{padding-top:28px}
h1{font-size:1.6rem;line-height:1.2;margin:0 0 4px}
h2{font-size:1.15rem;margin:0 0 10px}
h3{font-size:.95rem;margin:18px 0 4px}
p{margin:0 0 10px;max-width:75ch}
.sub,.note,footer{color:var(--soft)}
.note{font-size:.875rem}
section{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:18px 20px;margin:16px 0}
nav ul,.legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 16px;margin:8px 0 4px;padding:0;font-size:.875rem}
a{color:var(--blue)}
.verdict{border-left-width:6px}
.verdict.good{border-left-color:var(--good);background:var(--goodwash)}
.verdict.bad{border-left-color:var(--bad);background:var(--badwash)}
.verdict.doubt{border-left-color:var(--doubt);background:var(--doubtwash)}
.verdict h2{font-size:1.3rem}
.verdict ul{margin:0 0 10px;padding-left:20px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(128px,1fr));gap:10px;margin:16px 0;padding:0}
.tiles div{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:10px 14px;display:flex;flex-direction:column}
.tiles dt{color:var(--soft);font-size:.8rem;order:2}
.tiles dd{margin:0;font-size:1.35rem;font-weight:600;font-variant-numeric:tabular-nums}
.tiles .bad dd{color:var(--bad)}.tiles .doubt dd{color:var(--doubt)}
dl.facts{display:grid;grid-template-columns:max-content 1fr;gap:4px 18px;margin:0}
dl.facts dt{color:var(--soft)}dl.facts dd{margin:0;overflow-wrap:anywhere}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:8px 24px}
figure{margin:10px 0 0}
figcaption{font-size:.875rem;color:var(--soft);max-width:85ch}
svg.plot{display:block;width:100%;height:auto}
svg text{font:11.5px system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif;fill:var(--soft)}
svg .label{fill:var(--ink)}
.grid{stroke:var(--grid);stroke-width:1}.axis{stroke:var(--soft);stroke-width:1}
.guide{stroke:var(--soft);stroke-width:1;stroke-dasharray:3 3}
.line{fill:none;stroke:currentColor;stroke-width:1.7;stroke-linejoin:round;stroke-linecap:round}
.area{fill:currentColor;fill-opacity:.16;stroke:none}
.dot{fill:currentColor;fill-opacity:.55}
.planned{color:var(--grey)}.line.planned{stroke-dasharray:5 4}
.sent,.service{color:var(--blue)}.response{color:var(--orange)}.line.response{stroke-width:2.1}
.recorded{color:var(--teal)}.line.recorded{stroke-dasharray:2 4}
.median{color:var(--violet)}.flight{color:var(--teal)}.blocked{color:var(--gold)}
.failed,.worst{color:var(--red)}.lag99{color:var(--ink)}.line.lag99{stroke-width:1.4}
.dot.worst{fill:none;stroke:currentColor;stroke-width:1.5}
.key{width:22px;height:10px;margin-right:6px;vertical-align:middle}
.scroll{overflow-x:auto;margin:10px 0}
table{border-collapse:collapse;min-width:min(100%,34rem);font-size:.875rem}
caption{text-align:left;font-weight:600;padding:0 0 6px}
th,td{padding:4px 18px 4px 0;text-align:left;border-bottom:1px solid var(--rule);vertical-align:top;font-weight:400}
thead th{color:var(--soft);white-space:nowrap;vertical-align:bottom}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.code,code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.92em;overflow-wrap:anywhere}
tr.bad th,tr.bad td,.alarm{color:var(--bad)}.alarm{font-weight:600}
thead th.code{font-family:inherit;font-size:inherit}
.bar{display:inline-block;width:90px;height:8px;margin-left:8px;color:var(--blue)}
.bar rect{fill:currentColor}.bar .rest{fill:var(--grid)}tr.bad .bar{color:var(--bad)}
@media screen and (max-width:640px){dl.facts{grid-template-columns:1fr}dl.facts dd{margin:0 0 6px}figure{overflow-x:auto}svg.plot{min-width:600px}}
details{margin:8px 0}summary{cursor:pointer;color:var(--soft);font-size:.875rem}
.added{color:var(--good)}.removed{color:var(--bad)}
footer{padding-bottom:40px;font-size:.85rem}
@media print{:root{--paper:#fff;--card:#fff}body{font-size:11pt}section{border:0;padding:6px 0;margin:8px 0}.verdict{border-left:6px solid}
figure,tr,.tiles{break-inside:avoid}nav{display:none}.scroll{overflow:visible}main,header,footer{max-width:none;padding:0}h2,h3,caption{break-after:avoid}}
`;
