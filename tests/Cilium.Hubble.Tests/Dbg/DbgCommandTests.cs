using System.CommandLine;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Cilium.Hosts.Dbg;
using Cilium.Hosts.Dbg.Bpf;
using Cilium.Hosts.Dbg.Output;

namespace Cilium.Hubble.Tests.Dbg;

public sealed class DbgCommandTests : IDisposable
{
    private const string Starting =
        """{"cilium":{"state":"Failure","msg":"waiting for pod CIDRs"},"kubernetes":{"state":"Ok","msg":"https://api"},"nodeMonitor":{"cpus":2,"npages":64,"pagesize":4096}}""";

    private readonly string _folder = Directory.CreateTempSubdirectory("dbg-test-").FullName;

    private string SocketPath => Path.Combine(_folder, "cilium.sock");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_status_of_an_agent_that_is_not_ready_is_shown_and_fails()
    {
        using var agent = new AnsweringAgent(SocketPath, 503, Starting);

        var (code, output, error) = await RunAsync("status");
        Assert.Equal((1, ""), (code, error));
        Assert.Matches(@"(?m)^Cilium: +Failure   waiting for pod CIDRs", output);

        (code, output, error) = await RunAsync("status", "--brief");
        Assert.Equal((1, "error in cilium: waiting for pod CIDRs\n", ""), (code, output, error));

        (code, output, error) = await RunAsync("status", "-o", "json");
        Assert.Equal((1, ""), (code, error));
        using var json = JsonDocument.Parse(output);
        Assert.Equal("Failure", json.RootElement.GetProperty("cilium").GetProperty("state").GetString());

        (code, output, _) = await RunAsync("version");
        Assert.Equal(0, code);
        Assert.Contains("Daemon: unknown (waiting for pod CIDRs)", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(503, "\"waiting for pod CIDRs\"")]
    [InlineData(503, "{}")]
    [InlineData(503, "null")]
    [InlineData(500, Starting)]
    public async Task An_answer_that_is_no_status_stays_an_error(int status, string body)
    {
        using var agent = new AnsweringAgent(SocketPath, status, body);
        CommandRun.FailedInOneLine(await RunAsync("status", "--brief"), status.ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    [Fact]
    public async Task A_path_that_no_socket_can_have_is_told_in_one_line()
    {
        var path = $"/tmp/{new string('x', 200)}/cilium.sock";
        CommandRun.FailedInOneLine(await CommandRun.RunAsync(DbgCommand.Create(), "status", "-H", path), path);
    }

    [Theory]
    [InlineData("*drop")]
    [InlineData("(")]
    [InlineData("(?=drop)")]
    public async Task A_pattern_that_is_none_is_told_in_one_line(string pattern)
    {
        using var agent = new AnsweringAgent(SocketPath, 200, "[]");
        CommandRun.FailedInOneLine(await RunAsync("metrics", "list", "-p", pattern), "--match-pattern");
    }

    [Fact]
    public async Task An_agent_that_does_not_answer_is_waited_for_as_long_as_is_said()
    {
        using var silent = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        silent.Bind(new UnixDomainSocketEndPoint(SocketPath));
        silent.Listen();
        CommandRun.FailedInOneLine(await RunAsync("status", "--timeout", "50ms"), "no answer within 50ms");
        CommandRun.FailedInOneLine(await RunAsync("status", "--timeout", "soon"), "'soon' is no duration");
    }

    [Fact]
    public async Task The_status_takes_what_upstreams_takes()
    {
        using var agent = new AnsweringAgent(SocketPath, 200, """{"cilium":{"state":"Ok"},"hubble":{"state":"Failure","msg":"address in use"}}""");
        var (code, output, error) = await RunAsync("status", "--all-redirects", "--all-clusters", "--all-health", "--timeout", "1m");
        Assert.Equal((0, ""), (code, error));
        Assert.Matches("(?m)^Hubble: +Failure   address in use", output);
    }

    [Fact]
    public async Task Maps_that_cannot_be_opened_fail_the_command() =>
        CommandRun.FailedInOneLine(await RunAsync("bpf", "policy", "get", "1", "-n", "--bpf-root", Path.Combine(_folder, "no-bpffs")), "no-bpffs");

    [Theory]
    [InlineData("-o json", "[{\"ENDPOINT\":\"5\",\"POLICY\":\"Allow\"},{\"ENDPOINT\":\"7\",\"POLICY\":\"Deny\"}]")]
    [InlineData("", "Endpoint ID: 5\nPOLICY\nAllow\nEndpoint ID: 7\nPOLICY\nDeny\n")]
    public void Policies_of_all_endpoints_are_one_document(string options, string expected)
    {
        ArgumentNullException.ThrowIfNull(options);
        var format = OutputFormat.Option();
        using var output = new StringWriter();
        var arguments = new RootCommand { format }.Parse(options, new ParserConfiguration());
        arguments.InvocationConfiguration.Output = output;

        PolicyTables.PrintAll(arguments, format, [(5, [["POLICY"], ["Allow"]]), (7, [["POLICY"], ["Deny"]])]);

        var text = output.ToString();
        if (options.Length == 0)
        {
            Assert.Equal(expected, text);
        }
        else
        {
            using var document = JsonDocument.Parse(text);
            Assert.Equal(expected, JsonSerializer.Serialize(document.RootElement));
        }
    }

    private Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments) =>
        CommandRun.RunAsync(DbgCommand.Create(), [.. arguments, "-H", SocketPath]);

    /// <summary>Answers every request on a Unix socket in one way.</summary>
    private sealed class AnsweringAgent : IDisposable
    {
        private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

        public AnsweringAgent(string path, int status, string body)
        {
            _socket.Bind(new UnixDomainSocketEndPoint(path));
            _socket.Listen();
            _ = Task.Run(() => AnswerAsync(Encoding.UTF8.GetBytes($"HTTP/1.1 {status} X\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}")));
        }

        public void Dispose() => _socket.Dispose();

        private async Task AnswerAsync(byte[] answer)
        {
            try
            {
                while (true)
                {
                    using var client = await _socket.AcceptAsync();
                    var request = "";
                    var buffer = new byte[4096];
                    while (!request.EndsWith("\r\n\r\n", StringComparison.Ordinal))
                    {
                        request += Encoding.ASCII.GetString(buffer, 0, await client.ReceiveAsync(buffer));
                    }

                    await client.SendAsync(answer);
                    client.Shutdown(SocketShutdown.Both);
                }
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                // The test is over.
                return;
            }
        }
    }
}
