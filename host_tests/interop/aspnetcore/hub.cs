#:sdk Microsoft.NET.Sdk.Web
#:property UseAppHost=false
#:property PublishAot=false
// A SignalR server on ASP.NET Core as a peer of the tests: OpenShock's user hub in small, and endpoints that misbehave on order.
// dotnet run hub.cs [PORT [CERTIFICATE.pem KEY.pem]]. Prints a JSON line for what it sees; POST /do/NAME orders what it shall do.
using System.Collections.Concurrent;
using System.Net;
using System.Net.WebSockets;
using System.Security.Claims;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Protocol;
using Microsoft.Extensions.Options;

var builder = WebApplication.CreateBuilder();
builder.Logging.ClearProviders();
builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(2)); // for who comes back too soon
builder.WebHost.ConfigureKestrel(kestrel =>
{
    kestrel.Limits.MaxRequestBufferSize = 32768; // a connection that is not read fills up soon
    kestrel.Listen(IPAddress.Loopback, args.Length > 0 ? int.Parse(args[0]) : 0);
    if (args.Length > 2) kestrel.Listen(IPAddress.Loopback, 0, socket => socket.UseHttps(X509Certificate2.CreateFromPemFile(args[1], args[2])));
});
builder.WebHost.UseSockets(sockets => sockets.CreateBoundListenSocket = place =>
{
    var listener = SocketTransportOptions.CreateDefaultBoundListenSocket(place);
    listener.ReceiveBufferSize = 4096;
    return listener;
});
builder.Services.AddSingleton(typeof(HubLifetimeManager<>), typeof(Lifetime<>));
builder.Services.AddSignalR(options => options.HandshakeTimeout = TimeSpan.FromSeconds(5))
    .AddHubOptions<SilentHub>(options => options.KeepAliveInterval = TimeSpan.FromDays(1))
    .AddHubOptions<EagerHub>(options =>
    {
        options.KeepAliveInterval = TimeSpan.FromMilliseconds(200);
        options.ClientTimeoutInterval = TimeSpan.FromSeconds(2);
    });
builder.Services.AddAuthentication("Bearer").AddScheme<AuthenticationSchemeOptions, Bearer>("Bearer", null);
builder.Services.AddAuthorization();

var app = builder.Build();
app.Use(Doors.Before);
app.UseAuthentication();
app.UseAuthorization();
app.UseWebSockets();
app.MapHub<UserHub>("/1/hubs/user");
app.MapHub<SilentHub>("/silent");
app.MapHub<EagerHub>("/eager");
app.MapHub<UserHub>("/bearer", options => options.CloseOnAuthenticationExpiration = true).RequireAuthorization();
app.MapHub<UserHub>("/polling", options => options.Transports = HttpTransportType.LongPolling);
app.MapGet("/1/shockers/own", () => Results.Text(Doors.Map, "application/json"));
app.Map("/deaf", Doors.Deaf);
app.MapPost("/do/{name}", Doors.Do);
await app.StartAsync();
Doors.Tell("listening", (object)app.Urls.ToArray());
await app.WaitForShutdownAsync();

/// What the test orders, and what it is told.
static class Doors
{
    public static readonly ConcurrentDictionary<string, (HubConnectionContext Connection, ILifetime Lifetime)> Open = new();
    public static string Map = """{"message":"","data":[]}""";
    public static JsonElement Greeting; // {"target", "arguments", "times"}, said behind the welcome
    public static bool Throws; // OnConnectedAsync does
    public static string? Token; // given with redirects from now on

    public static void Tell(string what, params object?[] detail)
    {
        lock (Open) Console.Out.WriteLine(JsonSerializer.Serialize(new { seen = what, detail }));
    }

    /// Requests to /answer/STATUS/… get that status, to /redirect/… another address; `head`, `cookie` in the query dress up answers.
    public static async Task Before(HttpContext http, RequestDelegate next)
    {
        var (path, query) = (http.Request.Path.Value!, http.Request.Query);
        if (!path.StartsWith("/do/"))
            Tell("request", http.Request.Method, path, http.Request.Headers.Authorization.ToString(), http.Request.Headers.Cookie.ToString());
        for (var i = 0; i < int.Parse(query["head"].FirstOrDefault() ?? "0"); i++)
            http.Response.Headers.Append("X-Padding-" + i, new string('x', 1000));
        if (query.ContainsKey("cookie"))
        {
            if (path.EndsWith("/negotiate")) http.Response.Headers.Append("Set-Cookie", new[] { "node=7; Path=/; HttpOnly", "zone=eu; Path=/" });
            else if (http.Request.Cookies["node"] != "7" || http.Request.Cookies["zone"] != "eu") { http.Response.StatusCode = 404; return; }
        }
        var steps = path.Split('/');
        if (steps[1] == "answer")
        {
            http.Response.StatusCode = int.Parse(steps[2]);
            if (query.ContainsKey("retry")) http.Response.Headers.RetryAfter = query["retry"];
            if (query.ContainsKey("body")) await http.Response.WriteAsync(query["body"]!);
        }
        else if (steps[1] == "redirect")
            await http.Response.WriteAsJsonAsync(new { url = query["to"].ToString(), accessToken = Token ?? query["token"].FirstOrDefault() });
        else await next(http);
    }

    public static async Task Do(string name, HttpRequest request)
    {
        var body = (await JsonDocument.ParseAsync(request.Body)).RootElement.Clone();
        string? Text(string key) => body.TryGetProperty(key, out var value) ? value.GetString() : null;
        int Number(string key, int missing) => body.TryGetProperty(key, out var value) ? value.GetInt32() : missing;
        if (name == "map") Map = body.GetRawText();
        else if (name == "greet") Greeting = body;
        else if (name == "throw") Throws = body.GetBoolean();
        else if (name == "token") Token = body.GetString();
        else await Task.WhenAll(Open.Values.Select(async open =>
        {
            var (connection, lifetime) = open;
            if (name == "say") await Say(connection, body);
            else if (name == "burst") await Burst(connection, Number("count", 1), Number("size", 1), Number("at", -1), body);
            else if (name == "abort") connection.Abort();
            else if (name == "close") await connection.WriteAsync(new CloseMessage(Text("error"), body.GetProperty("again").GetBoolean()));
            else if (name == "ask") for (var i = 0; i < Number("times", 1); i++) _ = Ask(lifetime, connection.ConnectionId, Text("target")!, body.GetProperty("arguments"), Number("within_ms", 10000));
            else if (name == "record") await connection.WriteAsync(new InvocationMessage(Text("target")!, [new string('x', Number("size", 0))]));
        }));
    }

    static object?[] Items(JsonElement arguments) => arguments.EnumerateArray().Select(item => (object?)item).ToArray();

    public static async Task Say(HubConnectionContext connection, JsonElement what)
    {
        var count = what.TryGetProperty("times", out var value) ? value.GetInt32() : 1;
        for (var i = 0; i < count; i++)
            await connection.WriteAsync(new InvocationMessage(what.GetProperty("target").GetString()!, Items(what.GetProperty("arguments"))));
    }

    /// Ticks (number, text of `size` characters), in quick succession; number `at` is followed by what "say" would say.
    static async Task Burst(HubConnectionContext connection, int count, int size, int at, JsonElement what)
    {
        var text = new string('x', size);
        for (var i = 0; i < count; i++)
        {
            await connection.WriteAsync(new InvocationMessage("Tick", [i, text]));
            if (i == at) await Say(connection, what);
        }
        Tell("burst", count);
    }

    /// An invocation that wants a result; the test is told its result, or its error.
    static async Task Ask(ILifetime lifetime, string id, string target, JsonElement arguments, int within_ms)
    {
        using var end = new CancellationTokenSource(within_ms);
        try { Tell("answer", target, await lifetime.Ask(id, target, Items(arguments), end.Token)); }
        catch (Exception fault) { Tell("answer", target, null, fault.GetType().Name, fault.Message); }
    }

    /// A hub that greets, and reads nothing any more; with `pings` in the query it goes on to speak.
    public static async Task Deaf(HttpContext http)
    {
        using var socket = await http.WebSockets.AcceptWebSocketAsync();
        await socket.ReceiveAsync(new byte[4096], http.RequestAborted);
        foreach (var record in new[] { "{}\u001e" }.Concat(Enumerable.Repeat("{\"type\":6}\u001e", 600)))
        {
            await socket.SendAsync(Encoding.UTF8.GetBytes(record), WebSocketMessageType.Text, true, http.RequestAborted);
            await Task.Delay(http.Request.Query.ContainsKey("pings") ? 200 : 60000, http.RequestAborted);
        }
    }
}

interface ILifetime { Task<object?> Ask(string id, string target, object?[] arguments, CancellationToken end); }

/// SignalR's own, and whoever is connected is in Doors.
class Lifetime<T>(ILogger<DefaultHubLifetimeManager<T>> log) : DefaultHubLifetimeManager<T>(log), ILifetime where T : Hub
{
    public override Task OnConnectedAsync(HubConnectionContext connection)
    {
        Doors.Open[connection.ConnectionId] = (connection, this);
        return base.OnConnectedAsync(connection);
    }

    public override Task OnDisconnectedAsync(HubConnectionContext connection)
    {
        Doors.Open.TryRemove(connection.ConnectionId, out _);
        return base.OnDisconnectedAsync(connection);
    }

    public async Task<object?> Ask(string id, string target, object?[] arguments, CancellationToken end) =>
        await InvokeConnectionAsync<JsonElement>(id, target, arguments, end);
}

/// The methods and events of OpenShock's user hub (Log is said to everybody), and a few to be called for their ends.
class UserHub : Hub
{
    public override async Task OnConnectedAsync()
    {
        Doors.Tell("connected", Context.ConnectionId, Context.User?.Identity?.Name);
        if (Doors.Throws) throw new InvalidOperationException("as ordered");
        await Clients.Caller.SendAsync("Welcome", Context.ConnectionId);
        await Clients.Caller.SendAsync("DeviceStatus", Array.Empty<object>());
        if (Doors.Greeting.ValueKind == JsonValueKind.Object) await Doors.Say(Doors.Open[Context.ConnectionId].Connection, Doors.Greeting);
    }

    public override Task OnDisconnectedAsync(Exception? fault)
    {
        Doors.Tell("disconnected", Context.ConnectionId, fault?.Message);
        return Task.CompletedTask;
    }

    public record Order(Guid Id, byte Type, byte Intensity, ushort Duration, bool Exclusive = false);

    public Task Control(Order[] orders) => ControlV2(orders, null);

    public async Task ControlV2(Order[] orders, string? name)
    {
        Doors.Tell("called", "ControlV2", orders, name);
        var entries = orders.Select(order => new { shocker = new { id = order.Id, name = "x" }, type = order.Type, intensity = order.Intensity, duration = order.Duration, executedAt = DateTime.UtcNow });
        await Clients.All.SendAsync("Log", new { connectionId = Context.ConnectionId, name = "sample", customName = name }, entries);
    }

    public void CaptivePortal(Guid id, bool open) => Doors.Tell("called", "CaptivePortal", id, open);
    public void EmergencyStop(Guid id) => Doors.Tell("called", "EmergencyStop", id);
    public void OtaInstall(Guid id, string version) => Doors.Tell("called", "OtaInstall", id, version);
    public void Reboot(Guid id) => Doors.Tell("called", "Reboot", id);

    public JsonElement Echo(JsonElement value) => value;
    public void Refuse(string words) => throw new HubException(words);
    public void Fail() => throw new InvalidOperationException("nobody shall see this");
    public Task Later(int ms) => Task.Delay(ms);
    public async Task Never() { Doors.Tell("called", "Never"); await Task.Delay(Timeout.Infinite, Context.ConnectionAborted); }
    public async IAsyncEnumerable<int> Counter(int count) { for (var i = 0; i < count; i++) { await Task.Yield(); yield return i; } }
}

class SilentHub : UserHub; // says nothing by itself, no pings either
class EagerHub : UserHub; // pings each 200 ms, and leaves whoever is silent for 2 s

/// Tokens "good" and "for-N", which ends N s after it was first shown, are good.
class Bearer(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory log, UrlEncoder encoder) : AuthenticationHandler<AuthenticationSchemeOptions>(options, log, encoder)
{
    static readonly ConcurrentDictionary<string, DateTimeOffset> Ends = new();

    protected override Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        var token = Request.Headers.Authorization.ToString().Replace("Bearer ", "");
        if (token == "") token = Request.Query["access_token"].ToString();
        if (!token.StartsWith("good") && !token.StartsWith("for-")) return Task.FromResult(AuthenticateResult.NoResult());
        var properties = new AuthenticationProperties();
        if (token.StartsWith("for-")) properties.ExpiresUtc = Ends.GetOrAdd(token, _ => DateTimeOffset.UtcNow.AddSeconds(int.Parse(token.Split('-')[1])));
        if (properties.ExpiresUtc < DateTimeOffset.UtcNow) return Task.FromResult(AuthenticateResult.Fail("expired"));
        var user = new ClaimsPrincipal(new ClaimsIdentity([new Claim(ClaimTypes.Name, token)], "Bearer"));
        return Task.FromResult(AuthenticateResult.Success(new AuthenticationTicket(user, properties, "Bearer")));
    }
}
