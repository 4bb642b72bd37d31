using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Cilium.Lab.Cluster;
using Cilium.Lab.Nodes;
using Cilium.Lab.Serving;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Tests;

/// <summary>How long a connection to a silent command lasts: as long as the client's pings are answered.</summary>
public sealed class ExecConnectionTests : IAsyncLifetime
{
    private const byte Continuation = 0x0;
    private const byte Binary = 0x2;
    private const byte Ping = 0x9;
    private const byte Pong = 0xA;
    private const byte Close = 0x8;
    private readonly ClusterState state = TestCluster.Create();
    private readonly ClusterCertificates certificates = new(["localhost"], [IPAddress.Loopback], TimeProvider.System);
    private readonly string release = Path.Combine(Path.GetTempPath(), $"cilium-exec-{Guid.NewGuid():N}");
    private readonly WaitingRuntime runtime;
    private readonly ApiServer server;

    public ExecConnectionTests()
    {
        runtime = new WaitingRuntime(release);
        server = new ApiServer(state.Registry, state.Deletion, runtime, certificates, [new IPEndPoint(IPAddress.Loopback, 0)]);
    }

    public async ValueTask InitializeAsync()
    {
        state.Create(BuiltInKinds.Pods, """{"metadata":{"name":"p"},"spec":{"nodeName":"n","containers":[{"name":"c","image":"nginx"}]}}""");
        await server.StartAsync(CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        certificates.Dispose();
        File.Delete(release);
        if (runtime.Attached is { HasExited: false } left) left.Kill();
        runtime.Attached?.Dispose();
    }

    [Theory]
    [InlineData("exec", "")]
    [InlineData("exec", "&stdin=true")]
    [InlineData("attach", "")]
    [InlineData("attach", "&stdin=true")]
    public async Task Pings_are_answered_while_a_command_is_silent(string how, string input)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await using var stream = await ConnectAsync($"{how}?command=wait&stdout=true&stderr=true{input}", limit.Token);

        // A client that gets no pong hangs up after a minute; here it just asks several times.
        for (byte round = 1; round <= 3; round++)
        {
            await SendAsync(stream, Ping, [round], limit.Token);
            var (kind, payload) = await ReceiveAsync(stream, limit.Token);
            Assert.Equal((Pong, round), (kind, payload[0]));
        }

        await File.WriteAllTextAsync(release, "", limit.Token);
        var (_, status) = await ReceiveAsync(stream, limit.Token);
        Assert.Equal(3, status[0]);
        Assert.Contains("\"message\":\"5\"", Encoding.UTF8.GetString(status), StringComparison.Ordinal);
        Assert.Equal(Close, (await ReceiveAsync(stream, limit.Token)).Kind);
    }

    [Fact]
    public async Task What_a_client_sends_without_being_asked_for_input_does_not_stop_the_answers()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await using var stream = await ConnectAsync("exec?command=wait&stdout=true", limit.Token);

        await SendAsync(stream, Binary, [0, .. "unasked"u8], limit.Token);
        await SendAsync(stream, Ping, [1], limit.Token);
        Assert.Equal(Pong, (await ReceiveAsync(stream, limit.Token)).Kind);
        await SendAsync(stream, Ping, [2], limit.Token);
        Assert.Equal(Pong, (await ReceiveAsync(stream, limit.Token)).Kind);
        await File.WriteAllTextAsync(release, "", limit.Token);
        Assert.Equal(3, (await ReceiveAsync(stream, limit.Token)).Payload[0]);
    }

    [Theory]
    [InlineData(32_769)]
    [InlineData(1, 32_768)]
    [InlineData(16_384, 16_385)]
    [InlineData(32_769, 32_769)]
    public async Task Input_arrives_whole_however_it_is_cut_into_frames(params int[] frames)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await using var stream = await ConnectAsync("exec?command=cat&stdin=true&stdout=true", limit.Token);

        // The first byte of a message is its channel, here 0 as that of the input; the others of this one never are 0.
        var message = Enumerable.Range(0, frames.Sum()).Select(index => (byte)(index == 0 ? 0 : (index % 251) + 1)).ToArray();
        var sent = 0;
        foreach (var length in frames)
        {
            await SendAsync(stream, sent == 0 ? Binary : Continuation, message[sent..(sent + length)], limit.Token, isLast: sent + length == message.Length);
            sent += length;
        }

        await SendAsync(stream, Binary, [255, 0], limit.Token);
        Assert.Equal(message[1..], await OutputAsync(stream, limit.Token));
    }

    [Fact]
    public async Task An_attached_client_that_leaves_ends_the_attachment_and_not_the_container()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await using var stream = await ConnectAsync("attach?stdout=true", limit.Token);

        await SendAsync(stream, Close, [3, 232], limit.Token);
        await runtime.Detached.Task.WaitAsync(limit.Token);
        Assert.False(runtime.Attached!.HasExited);
        await File.WriteAllTextAsync(release, "", limit.Token);
    }

    /// <summary>All a command writes until its end.</summary>
    private static async Task<byte[]> OutputAsync(Stream stream, CancellationToken cancel)
    {
        var output = new List<byte>();
        while (await ReceiveAsync(stream, cancel) is { Kind: Binary, Payload: [not 3, ..] } part) output.AddRange(part.Payload[1..]);
        return [.. output];
    }

    /// <summary>Opens a WebSocket (RFC 6455) by hand: the framework's client sends its pings when it likes.</summary>
    private async Task<SslStream> ConnectAsync(string query, CancellationToken cancel)
    {
        var tcp = new TcpClient();
        await tcp.ConnectAsync(IPAddress.Loopback, server.Addresses[0].Port, cancel);
        var stream = new SslStream(tcp.GetStream(), false, (_, shown, _, _) => shown?.GetCertHashString() == certificates.Server.GetCertHashString());
        await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "localhost" }, cancel);
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes(
                $"GET /api/v1/namespaces/default/pods/p/{query} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.Token}\r\n"
                + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\n"
                + "Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n"),
            cancel);
        var head = new StringBuilder();
        var one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            await stream.ReadExactlyAsync(one, cancel);
            head.Append((char)one[0]);
        }

        Assert.StartsWith("HTTP/1.1 101", head.ToString(), StringComparison.Ordinal);
        return stream;
    }

    private static async Task SendAsync(Stream stream, byte kind, byte[] payload, CancellationToken cancel, bool isLast = true)
    {
        byte[] length = payload.Length < 126 ? [(byte)(0x80 | payload.Length)] : [0x80 | 126, (byte)(payload.Length >> 8), (byte)payload.Length];
        // A mask of zeros leaves the payload as it is.
        await stream.WriteAsync((byte[])[(byte)((isLast ? 0x80 : 0) | kind), .. length, 0, 0, 0, 0, .. payload], cancel);
        await stream.FlushAsync(cancel);
    }

    private static async Task<(byte Kind, byte[] Payload)> ReceiveAsync(Stream stream, CancellationToken cancel)
    {
        var head = new byte[2];
        await stream.ReadExactlyAsync(head, cancel);
        var length = head[1] & 0x7F;
        if (length == 126)
        {
            var more = new byte[2];
            await stream.ReadExactlyAsync(more, cancel);
            length = (more[0] << 8) | more[1];
        }

        var payload = new byte[length];
        await stream.ReadExactlyAsync(payload, cancel);
        return ((byte)(head[0] & 0xF), payload);
    }

    /// <summary>Runs a command that says nothing until a file appears, and ends with code 5; or <c>cat</c>.</summary>
    private sealed class WaitingRuntime(string file) : IPodRuntime
    {
        public TaskCompletionSource Detached { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Process? Attached { get; private set; }

        public Task<int> ExecAsync(ExecRequest request, IExecStreams streams, CancellationToken cancel) => JoinedCommand.RunAsync(
            request.Command[0] == "cat" ? new ProcessStartInfo("cat") : Wait(), request.Input, streams, cancel);

        public async Task<int> AttachAsync(ExecRequest request, IExecStreams streams, CancellationToken cancel)
        {
            Attached = Process.Start(Wait())!;
            try
            {
                return await AttachedContainer.FollowAsync(Attached, _ => Task.CompletedTask, streams, cancel);
            }
            finally
            {
                Detached.SetResult();
            }
        }

        private ProcessStartInfo Wait() => new("sh", ["-c", $"until [ -e {file} ]; do sleep 0.02; done; exit 5"]);

        public Task CopyLogAsync(JsonObject pod, string? container, LogOptions options, Stream output, CancellationToken cancel) => Task.CompletedTask;

        public Task<Stream> ConnectAsync(JsonObject pod, int port, CancellationToken cancel) => Task.FromResult<Stream>(new MemoryStream());
    }
}
