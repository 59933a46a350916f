"""How reports look: one style sheet for pages, one for drawings, and the script that shows numbers under the pointer.

Colours are Okabe and Ito's, which people with any colour vision can tell apart; nothing is told by colour alone.
"""

COLOURS = """
:root{--paper:#fbfaf6;--card:#fff;--ink:#1c1b19;--soft:#66625a;--rule:#e3ded2;--grid:#ece8de;--band:#e69f0022;
--ok:#3b82b5;--okfill:#8fbcdb;--refused:#e08a00;--warm:#8a5200;--cool:#23638f;--unknown:#a6559d;--bad:#c43d00;--good:#00704e;--doubt:#8a5a00;
--fault:#5b5547;--onfault:#fff;--lag:#3b82b5;--lagfill:#b9d5e8}
@media (prefers-color-scheme:dark){:root{--paper:#171614;--card:#1f1e1b;--ink:#eeeae1;--soft:#a8a297;
--rule:#38352f;--grid:#2b2925;
--band:#e69f001c;--ok:#6db3e0;--okfill:#33617f;--refused:#f0a830;--warm:#f0b95c;--cool:#86c3ea;--unknown:#d38ac9;--bad:#ff8a57;--good:#4fc79d;
--doubt:#e8b75a;
--fault:#b9b09c;--onfault:#171614;--lag:#6db3e0;--lagfill:#2f5670}}
@media print{:root{--paper:#fff;--card:#fff;--ink:#000;--soft:#444;--rule:#bbb;--grid:#ddd}}
"""

DRAWING = """
.plot{font:12px system-ui,-apple-system,'Segoe UI',sans-serif;font-variant-numeric:tabular-nums}
.plot text{fill:var(--ink)}.plot .ground{fill:var(--card)}
.plot .tick,.plot .unit,.plot .beside{fill:var(--soft);font-size:11px}
.plot .label{font-size:12px}.plot .region{font-weight:650;font-size:13px}
.plot .inside{fill:var(--onfault);font-size:11px}.plot .bad{fill:var(--bad);font-weight:650}
.plot .grid{stroke:var(--grid)}.plot .axis{stroke:var(--rule);fill:none}
.plot .band{fill:var(--band)}.plot .fault{fill:var(--fault)}
.plot .unproven{fill:none;stroke:var(--fault);stroke-dasharray:3 2}
.plot .ok{fill:var(--okfill)}.plot .refused{fill:var(--refused)}.plot .unknown{fill:var(--unknown)}
.plot .ok-text{fill:var(--cool)}.plot .refused-text{fill:var(--warm)}
.plot .p50,.plot .p99{fill:none;stroke:var(--ok);stroke-width:1.6;stroke-linecap:round;stroke-linejoin:round}
.plot .p99{stroke:var(--soft);stroke-width:1}
.plot .lag{fill:var(--lagfill);stroke:var(--lag)}
.plot .sampled{fill:none;stroke:var(--ink);stroke-width:1.2;stroke-dasharray:1 3;stroke-linecap:round}
.plot .span{fill:none;stroke:var(--ink)}
.plot .dot{fill:none;stroke-linecap:round;stroke:var(--ok)}.plot .many{stroke-linecap:butt}
.plot .dot-fine{opacity:.8}.plot .thin{opacity:.4}.plot .dense{opacity:1}
.plot .dot-refused{stroke:var(--refused)}.plot .dot-absent,.plot .dot-landed{stroke:var(--unknown)}
.plot .dot-unread{stroke:var(--soft)}
.plot .dot-expired,.plot .dot-partial,.plot .dot-duplicate,.plot .dot-lost,.plot .dot-phantom{stroke:var(--bad)}
.plot [class^=mark]{stroke:var(--bad)}.plot .mark-unread{stroke:var(--soft)}
.plot .unexpected{fill:none;stroke:var(--bad);stroke-width:2}
.plot .allowed{fill:none;stroke:var(--soft);stroke-dasharray:2 2}
.plot .probe-ok{fill:var(--okfill)}.plot .probe-fail{fill:url(#hatched)}.plot .probe-info{fill:url(#dotted)}
.plot .cursor{stroke:var(--ink);stroke-width:1;pointer-events:none;opacity:.55}
"""

PAGE = """
*{box-sizing:border-box}
html{background:var(--paper);color:var(--ink);color-scheme:light dark;-webkit-text-size-adjust:100%}
body{margin:0 auto;max-width:1120px;padding:28px 20px 80px;
font:16px/1.55 system-ui,-apple-system,'Segoe UI',sans-serif}
h1,h2,h3{font-family:Charter,'Bitstream Charter','Iowan Old Style',Georgia,Cambria,serif;line-height:1.2;
text-wrap:balance;font-weight:600}
h1{font-size:clamp(26px,4.2vw,41px);margin:12px 0 14px;letter-spacing:-.01em;max-width:31ch}
h2{font-size:27px;margin:64px 0 6px}h3{font-size:19px;margin:28px 0 4px}
p{margin:6px 0 12px;max-width:74ch}.soft,.how{color:var(--soft)}.how{font-size:14.5px}
a{color:inherit;text-decoration-color:var(--soft);text-underline-offset:3px}
.kicker{font-size:14px;color:var(--soft);display:flex;flex-wrap:wrap;gap:4px 18px;align-items:center}
.badge{font-weight:650;padding:3px 12px 4px;border-radius:99px;border:1.5px solid;letter-spacing:.02em}
.badge.valid,.valid .mark{color:var(--good)}.badge.violated,.violated .mark{color:var(--bad)}
.badge.unknown,.unknown .mark{color:var(--doubt)}
.mark{font-weight:700}
.tiles{display:grid;grid-template-columns:repeat(6,1fr);gap:1px;background:var(--rule);
border:1px solid var(--rule);
border-radius:10px;overflow:hidden;margin:28px 0 0;padding:0}
.tiles div{background:var(--card);padding:14px 16px}
.tiles dt{font-size:13.5px;color:var(--soft)}.tiles dd{margin:0;font-size:25px;font-weight:600;
font-variant-numeric:tabular-nums;
font-family:Charter,'Bitstream Charter',Georgia,Cambria,serif}
figure{margin:14px 0 0}figure .wide{background:var(--card);border:1px solid var(--rule);border-radius:10px;
padding:12px 12px 8px}
.wide{overflow-x:auto;max-width:100%}.wide:focus-visible{outline:2px solid var(--ok);outline-offset:2px}
svg.plot{display:block;width:100%;min-width:860px;height:auto}
table{border-collapse:collapse;width:100%;font-size:15px;font-variant-numeric:tabular-nums;margin:10px 0}
caption{text-align:left;color:var(--soft);font-size:14px;padding-bottom:6px}
th,td{padding:7px 10px;border-bottom:1px solid var(--rule);text-align:left;vertical-align:top}
thead th{font-weight:600;font-size:13.5px;color:var(--soft);border-bottom-color:var(--soft);
vertical-align:bottom}
tbody th{font-weight:500}.number{text-align:right;white-space:nowrap}thead .number{white-space:normal}
td.violated{background:color-mix(in srgb,var(--bad) 13%,transparent)}
td.unknown{background:color-mix(in srgb,var(--doubt) 12%,transparent)}
.property td{white-space:nowrap}.property tbody th{min-width:21em}
.faults tbody th{min-width:12em}.faults td:last-child{min-width:16em;font-size:13.5px}
td small,th small{display:block;color:var(--soft);font-size:13.5px;font-weight:400}
code,pre,.mono{font:13.5px/1.5 ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace}
pre{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:10px 14px;overflow-x:auto;
margin:8px 0 14px}
details{border-top:1px solid var(--rule);padding:10px 0}
details:last-of-type{border-bottom:1px solid var(--rule)}
summary{cursor:pointer;font-weight:550}summary::marker{color:var(--soft)}
.case{border-left:3px solid var(--bad);padding:2px 0 2px 16px;margin:18px 0}
.case.unknown{border-color:var(--doubt)}
.case p{margin:2px 0}.case pre{margin:6px 0}.case .id{font-weight:650}
ul{padding-left:20px;max-width:74ch}li{margin:4px 0}
#tip{position:fixed;z-index:9;pointer-events:none;background:var(--ink);color:var(--paper);border-radius:7px;
padding:8px 11px;
font:12.5px/1.5 system-ui,sans-serif;font-variant-numeric:tabular-nums;display:none;max-width:460px}
#tip b{display:block}#tip div{display:flex;justify-content:space-between;gap:18px}
footer{margin-top:70px;color:var(--soft);font-size:14px;border-top:1px solid var(--rule);padding-top:12px}
@media (max-width:900px){.tiles{grid-template-columns:repeat(3,1fr)}}
@media (max-width:640px){.tiles{grid-template-columns:repeat(2,1fr)}
.property small{display:none}.property tbody th{min-width:0}
body{padding:18px 14px 60px}h2{font-size:23px;margin-top:48px}th,td{padding:6px 8px}}
@media print{body{max-width:none;padding:0;font-size:11pt}h2{margin-top:26px;break-after:avoid}
figure,.case,tr{break-inside:avoid}
svg.plot{min-width:0}.wide{overflow:visible}details>*{display:block}#tip{display:none}}
"""

SCRIPT = """
(()=>{const data=JSON.parse(document.getElementById('data').textContent),tip=document.getElementById('tip');
const plots=[...document.querySelectorAll('svg.plot')].filter(p=>p.querySelector('.cursor'));
const cursor=x=>plots.forEach(p=>{const c=p.querySelector('.cursor');c.setAttribute('x1',x);c.setAttribute('x2',
x)});
const row=(name,value)=>{const d=document.createElement('div');for(const t of [name,
value]){const s=document.createElement('span');
s.textContent=t;d.append(s)}return d};
const hide=()=>{tip.style.display='none';cursor(-9)};
const show=e=>{const p=e.currentTarget,r=p.getBoundingClientRect(),x=(e.clientX-r.left)/r.width*data.size,
t=(x-data.left)/data.inner*data.end;if(t<0||t>data.end)return hide();cursor(x);
const b=document.createElement('b');b.textContent=t.toFixed(1)+' s';tip.replaceChildren(b);
const bin=Math.min(Math.floor(t/data.width),data.bins-1);
for(const [name,unit,values] of data.plots[p.dataset.plot]||[]){const v=values[bin];
if(v!=null)tip.append(row(name,(typeof v=='number'?v.toLocaleString('en'):v)+(unit?' '+unit:'')))}
for(const [what,began,ended] of data.faults)if(began<=t&&(ended==null||t<=ended))tip.append(row(what,''));
tip.style.display='block';const w=tip.offsetWidth,h=tip.offsetHeight;
tip.style.left=Math.max(4,e.clientX+16+w>innerWidth?e.clientX-w-16:e.clientX+16)+'px';
tip.style.top=Math.max(4,Math.min(e.clientY+14,innerHeight-h-6))+'px'};
plots.forEach(p=>{p.addEventListener('pointermove',show);p.addEventListener('pointerleave',hide)});
const open=()=>{const at=document.getElementById(decodeURIComponent(location.hash.slice(1)));
for(let d=at;d;d=d.parentElement)if(d.tagName==='DETAILS')d.open=true;if(at)at.scrollIntoView()};
addEventListener('hashchange',open);if(location.hash)open();
addEventListener('beforeprint',()=>document.querySelectorAll('details').forEach(d=>d.open=true))})();
"""

PATTERNS = (
    '<defs><pattern id="hatched" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="6" height="6" style="fill:var(--card)"/>'
    '<rect width="3" height="6" style="fill:var(--refused)"/></pattern>'
    '<pattern id="dotted" width="6" height="6" patternUnits="userSpaceOnUse">'
    '<rect width="6" height="6" style="fill:var(--card)"/>'
    '<circle cx="3" cy="3" r="1.9" style="fill:var(--unknown)"/></pattern></defs>'
)


def flat(style: str) -> str:
    return style.replace("\n", "")
