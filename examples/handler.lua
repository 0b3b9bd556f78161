#!/usr/bin/lua
-- SPDX-License-Identifier: ISC
-- Copyright (c) 2026 The pipemilter authors
--
-- A handler in Lua: refuses mail from spam.example and adds a header to the rest.
--
--	pipemilter -l inet:8899@127.0.0.1 -e mail,end-of-message \
--	    -o 'actions = {add-header}' ./handler.lua

-- Undoes the escapes of a value.
local function unescape(value)
	local plain = { ["\\"] = "\\", n = "\n", r = "\r" }
	return (value:gsub("\\([\\nr0])([0-7]?[0-7]?[0-7]?)", function(kind, digits)
		if kind ~= "0" then
			return plain[kind] .. digits
		elseif #digits == 3 then
			return string.char(tonumber(digits, 8) % 256)
		end
	end))
end

local function answer(event, known)
	local domain = "." .. (known["sender-domain"] or "")
	if event == "mail" and domain:sub(-13) == ".spam.example" then
		return "reject 550 5.7.1 No mail from there\n"
	elseif event == "end-of-message" then
		return "add-header X-Seen-By handler.lua\ncontinue\n"
	end
	return "continue\n"
end

local kind, event, known = "", "", {}
for line in io.lines() do
	local key, value = line:match("^([^ ]*) ?(.*)$")
	if key == "" then			-- the block is complete
		if kind == "event" then
			io.write(answer(event, known))
			io.flush()		-- each reply must go out at once
		end
	elseif key == "event" or key == "report" then
		kind, event = key, value
	elseif key == "complete" then		-- all that was known is void
		known = {}
	else
		known[key] = unescape(value)
	end
end
