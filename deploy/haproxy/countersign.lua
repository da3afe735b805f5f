-- Asks Countersign about every request: `http-request lua.countersign` in haproxy.cfg.
-- Generated: `cargo run -p countersign --example gateway-samples` writes it again.

local SOCKET = os.getenv("COUNTERSIGN_SOCKET")
-- Longer than the socket's own time-outs, so that it never tries again.
local TIMEOUT_MS = 2200

-- Who calls, as the API is told.
local IDENTITY = {
    "countersign-subject",
    "countersign-client",
    "countersign-organization",
    "countersign-environment",
    "countersign-scopes",
    "countersign-credential",
    "countersign-expires",
    "countersign-request-id",
    "countersign-content-digest",
    "countersign-assertion",
}

-- What the caller sent under these names is not what we say.
local SAID_BY_US = {
    ["x-haproxy-method"] = true,
    ["x-haproxy-host"] = true,
    ["x-haproxy-target"] = true,
    ["x-haproxy-peer"] = true,
    ["x-haproxy-request-id"] = true,
}

-- What some frameworks take for another method or target than was judged.
local OVERRIDES = {
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
}

-- These are about the connection or the body, or are nobody's business.
local NOT_ASKED_WITH = {
    ["connection"] = true,
    ["content-length"] = true,
    ["cookie"] = true,
    ["expect"] = true,
    ["host"] = true,
    ["keep-alive"] = true,
    ["proxy-connection"] = true,
    ["te"] = true,
    ["trailer"] = true,
    ["transfer-encoding"] = true,
    ["upgrade"] = true,
}

-- HAProxy counts values from 0.
local function values(list)
    local all = {}
    local place = 0
    while list and list[place] ~= nil do
        all[#all + 1] = list[place]
        place = place + 1
    end
    return all
end

local function question(txn, sent)
    local headers = {}
    for name, list in pairs(sent) do
        if not NOT_ASKED_WITH[name] and not SAID_BY_US[name] then
            headers[name] = values(list)
        end
    end
    headers["x-haproxy-method"] = { txn.sf:method() }
    headers["x-haproxy-host"] = values(sent["host"])
    headers["x-haproxy-target"] = { txn.sf:pathq() }
    headers["x-haproxy-peer"] = { txn.sf:src() }
    headers["x-haproxy-request-id"] = { txn.sf:uuid() }
    return headers
end

-- Every header of ours that the caller sent goes, and so does a Connection that would make the next hop
-- drop one.
local function remove_ours(txn, sent)
    for name, list in pairs(sent) do
        if name:match("^countersign[-_.]") then
            txn.http:req_del_header(name)
        elseif name == "connection" then
            for _, value in ipairs(values(list)) do
                if value:lower():find("countersign", 1, true) then
                    txn.http:req_del_header(name)
                end
            end
        end
    end
end

local function deny(txn, answer)
    local headers = {}
    for name, list in pairs(answer.headers) do
        if not NOT_ASKED_WITH[name] then
            headers[name] = values(list)
        end
    end
    txn:done(txn:reply { status = answer.status, headers = headers, body = answer.body })
end

core.register_action("countersign", { "http-req" }, function(txn)
    local sent = txn.http:req_get_headers()
    local answer = core.httpclient():get {
        url = "http://countersign/",
        dst = SOCKET,
        headers = question(txn, sent),
        timeout = TIMEOUT_MS,
    }
    -- Not Countersign's: haproxy.cfg denies what is not marked below.
    if not answer or not answer.status or answer.status == 502 or answer.status == 504 then
        return
    end
    if answer.status >= 400 then
        return deny(txn, answer)
    end
    -- An answer that lets a request pass always names the environment.
    if answer.status ~= 200 or not answer.headers["countersign-environment"] then
        return
    end
    remove_ours(txn, sent)
    for _, name in ipairs(IDENTITY) do
        local value = answer.headers[name]
        if value then
            txn.http:req_set_header(name, value[0])
        end
    end
    -- Secrets are not the API's business. Delete the first line if yours reads Authorization.
    txn.http:req_del_header("authorization")
    txn.http:req_del_header("client_secret")
    -- Spelled with `_` or `.`, it was refused.
    for _, name in ipairs(OVERRIDES) do
        txn.http:req_del_header(name)
    end
    -- The target that was judged, also where the caller named the host in it.
    if txn.f:fc_http_major() == 1 then
        txn.http:req_set_uri(txn.sf:pathq())
    end
    txn:set_var("txn.countersign_passes", true)
end, 0)
