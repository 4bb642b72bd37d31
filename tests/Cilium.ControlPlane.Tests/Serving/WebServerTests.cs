using System.Net;
using System.Net.Sockets;
using Cilium.ControlPlane.Serving;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Cilium.ControlPlane.Tests.Serving;

public sealed class WebServerTests : IAsyncLifetime
{
    private readonly string _directory = Directory.CreateTempSubdirectory("cilium-web-").FullName;
    private readonly FakeTimeProvider _time = new();
    private readonly WebServer _web;

    public WebServerTests() => _web = new WebServer(NullLoggerFactory.Instance, _time);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await _web.StartAsync(Ct);

    public async ValueTask DisposeAsync()
    {
        await _web.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task Each_door_answers_in_its_own_way_and_only_while_it_is_open()
    {
        await using var first = await _web.OpenUnixAsync(PathOf("first"), Say("first"), isHttp2: false, Ct);
        var second = await _web.OpenUnixAsync(PathOf("second"), Say("second"), isHttp2: false, Ct);
        Assert.Equal("first", await AskAsync("first"));
        Assert.Equal("second", await AskAsync("second"));

        await second.DisposeAsync();
        await Assert.ThrowsAsync<HttpRequestException>(() => AskAsync("second"));
        await using var third = await _web.OpenUnixAsync(PathOf("second"), Say("third"), isHttp2: false, Ct);
        Assert.Equal("third", await AskAsync("second"));
        Assert.Equal("first", await AskAsync("first"));
    }

    [Fact]
    public async Task A_door_speaks_HTTP_2_if_it_is_told_to()
    {
        await using var door = await _web.OpenUnixAsync(PathOf("grpc"), context => context.Response.WriteAsync(context.Request.Protocol), isHttp2: true, Ct);
        Assert.Equal("HTTP/2", await AskAsync("grpc", HttpVersion.Version20));
    }

    [Fact]
    [System.Runtime.Versioning.SupportedOSPlatform("linux")]
    public async Task A_Unix_socket_is_for_its_owner_and_group_and_takes_the_place_of_a_former_one()
    {
        await File.WriteAllTextAsync(PathOf("api"), "left by a killed process", Ct);
        await using var door = await _web.OpenUnixAsync(PathOf("api"), Say("hello"), isHttp2: false, Ct);
        Assert.Equal("hello", await AskAsync("api"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite, File.GetUnixFileMode(PathOf("api")));
    }

    [Fact]
    public async Task An_address_that_is_taken_is_refused_with_its_name()
    {
        using var taken = Listen();
        var address = (IPEndPoint)taken.LocalEndPoint!;
        var refusal = await Assert.ThrowsAsync<IOException>(() => _web.OpenAsync(address, Say("never"), new WebDoorOptions(), Ct));
        Assert.Contains(address.ToString(), refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Closing_a_door_ends_the_connections_that_came_through_it()
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var door = await _web.OpenUnixAsync(PathOf("slow"), HoldAsync, isHttp2: false, Ct);
        var asking = AskAsync("slow");
        await asked.Task.WaitAsync(Ct);

        await door.DisposeAsync();

        await Assert.ThrowsAsync<HttpRequestException>(() => asking);
        await ended.Task.WaitAsync(Ct);

        async Task HoldAsync(HttpContext context)
        {
            asked.SetResult();
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(static _ => { }, TaskScheduler.Default);
            ended.SetResult();
        }
    }

    [Fact]
    public async Task Strangers_hold_no_more_connections_than_allowed_and_none_for_long()
    {
        var options = WebDoorOptions.ForStrangers with { MaximumConnections = 2 };
        var address = FreeAddress();
        await using var door = await _web.OpenAsync(address, Say("hello"), options, Ct);
        using var first = await ConnectAsync(address);
        using var second = await ConnectAsync(address);
        // Connections are taken in the order in which they came: the third is one too many.
        Assert.True(await IsTurnedAwayAsync(address));

        _time.Advance(options.Lifetime);

        Assert.True(await IsClosedAsync(first));
        Assert.True(await IsClosedAsync(second));
        var (text, isLast) = await AskOnceThereIsRoomAsync(address);
        Assert.Equal("hello", text);
        Assert.True(isLast);
    }

    // Who was cut off sees it a moment before the door has room again.
    private static async Task<(string Text, bool? IsLast)> AskOnceThereIsRoomAsync(IPEndPoint address)
    {
        using var client = new HttpClient();
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                using var answer = await client.GetAsync(new Uri($"http://{address}/"), Ct);
                return (await answer.Content.ReadAsStringAsync(Ct), answer.Headers.ConnectionClose);
            }
            catch (HttpRequestException) when (TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(20))
            {
                await Task.Delay(10, Ct);
            }
        }
    }

    private static RequestDelegate Say(string text) => context => context.Response.WriteAsync(text);

    private string PathOf(string name) => Path.Combine(_directory, name);

    private async Task<string> AskAsync(string name, Version? version = null)
    {
        using var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, token) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(PathOf(name)), token);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        using var client = new HttpClient(handler) { DefaultRequestVersion = version ?? HttpVersion.Version11, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };
        return await client.GetStringAsync(new Uri("http://localhost/"), Ct);
    }

    private static Socket Listen()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen();
        return socket;
    }

    private static IPEndPoint FreeAddress()
    {
        using var socket = Listen();
        return (IPEndPoint)socket.LocalEndPoint!;
    }

    private static async Task<Socket> ConnectAsync(IPEndPoint address)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(address, Ct);
        return socket;
    }

    private static async Task<bool> IsTurnedAwayAsync(IPEndPoint address)
    {
        try
        {
            using var socket = await ConnectAsync(address);
            return await IsClosedAsync(socket);
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionReset)
        {
            return true;
        }
    }

    private static async Task<bool> IsClosedAsync(Socket socket)
    {
        try
        {
            return await socket.ReceiveAsync(new byte[1], Ct) == 0;
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionReset)
        {
            return true;
        }
    }
}
