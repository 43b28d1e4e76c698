/* Inside report/: page.css and page.js as the build put them in (page_c.py). */
#pragma once

extern const unsigned char asset_style[], asset_script[]; /* NUL-terminated UTF-8 */
/* For Content-Security-Policy: sha256-BASE64. */
extern const char asset_style_hash[], asset_script_hash[];
