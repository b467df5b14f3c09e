//! Slides measured in a browser: how much taller than the page each is.

use super::browser::{Browser, BrowserError};

/// A slide that is taller than its page at full size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tall {
    /// Its place among the deck's slides, from 0.
    pub slide: usize,
    /// Pixels too many on a page of 1280 by 720.
    pub pixels: u32,
    /// The size that its text is shown in to make it fit, 1 for as it is.
    pub scale: f64,
    /// Pixels that are cut off all the same.
    pub cut: u32,
}

/// Fits every slide as for paper, measures it at that size and at its full size, and puts the result in the page's place.
const SCRIPT: &str = r#"<script>addEventListener("load",function(){
dispatchEvent(new Event("beforeprint"));
var sheet=document.createElement("style");
sheet.textContent=".js .slide{display:block!important;position:absolute!important;inset:0 auto auto 0!important;width:1280px!important;height:720px!important}";
document.head.appendChild(sheet);
var found=[];
document.querySelectorAll("section.slide").forEach(function(slide,i){
var body=slide.firstElementChild;while(body&&(!body.classList.contains("body")||body.hidden))body=body.nextElementSibling;
if(!body)return;
var over=function(){return Math.max(0,Math.ceil(body.scrollHeight-body.clientHeight))};
var cut=over(),scale=parseFloat(body.style.getPropertyValue("--fit"))||1;
body.style.removeProperty("--fit");
var pixels=over();
if(pixels>1||cut>1)found.push([i,pixels,scale,cut>1?cut:0]);
});
var result=document.createElement("pre");
result.textContent="dockside:"+JSON.stringify(found)+":dockside";
document.body.replaceChildren(result);
});</script>"#;

/// Measures the slides of `html`, a page that needs no other file.
pub fn tall(browser: &Browser, html: &str) -> Result<Vec<Tall>, BrowserError> {
    let folder = tempfile::Builder::new().prefix("dockside-measure-").tempdir().map_err(BrowserError::Folder)?;
    let page = folder.path().join("deck.html");
    let (before, after) = html.rsplit_once("</body>").unwrap_or((html, ""));
    std::fs::write(&page, [before, SCRIPT, "</body>", after].concat()).map_err(BrowserError::Folder)?;
    let out = browser.run(&page, &["--window-size=1280,720".to_owned(), "--dump-dom".to_owned()])?;
    let text = String::from_utf8_lossy(&out);
    let list = text.rsplit_once("dockside:[").and_then(|(_, rest)| Some(format!("[{}", rest.split_once(":dockside")?.0)));
    let list = list.and_then(|list| serde_json::from_str::<Vec<(usize, u32, f64, u32)>>(&list).ok());
    let Some(list) = list else { return Err(BrowserError::Nothing { path: browser.path().to_owned(), told: String::new() }) };
    Ok(list.into_iter().map(|(slide, pixels, scale, cut)| Tall { slide, pixels, scale, cut }).collect())
}
