using System.CommandLine;
using System.IO.Pipes;
using Cilium.Hosts.Hubble;
using Cilium.Hubble.Printing;
using Cilium.Hubble.Serving;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Win32.SafeHandles;

namespace Cilium.Hubble.Tests.Printing;

public sealed class StandardOutputTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_written_is_read_at_once()
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.Out);
        using var client = new AnonymousPipeClientStream(PipeDirection.In, pipe.ClientSafePipeHandle);
        using var reader = new StreamReader(client);
        using var handle = HandleOf(pipe);

        var code = await StandardOutput.RunAsync(
            handle,
            async output =>
            {
                output.Write("größer ");
                output.WriteLine("als nichts");
                Assert.Equal("größer als nichts", await reader.ReadLineAsync(Ct).AsTask().WaitAsync(s_patience, Ct));
                return 7;
            });

        Assert.Equal(7, code);
    }

    [Fact]
    public async Task A_command_that_follows_ends_quietly_when_nobody_reads_any_more()
    {
        var scene = new Scene();
        var folder = Directory.CreateTempSubdirectory("hubble-test-").FullName;
        scene.Observer.Options.SocketPath = Path.Combine(folder, "hubble.sock");
        await using var server = new HubbleServer(scene.Observer, new PeerDirectory(), NullLoggerFactory.Instance);
        await server.StartAsync(Ct);
        using var pipe = new AnonymousPipeServerStream(PipeDirection.Out);
        using var client = new AnonymousPipeClientStream(PipeDirection.In, pipe.ClientSafePipeHandle);
        using var reader = new StreamReader(client);
        using var handle = HandleOf(pipe);
        using var error = new StringWriter();
        scene.Record(scene.Trace());
        var running = Task.Run(
            () => StandardOutput.RunAsync(
                handle,
                output => HubbleCommand.Create().Parse(["observe", "-f", "--last", "1", "--server", $"unix://{scene.Observer.Options.SocketPath}"])
                    .InvokeAsync(new InvocationConfiguration { Output = output, Error = error }, Ct)),
            Ct);

        Assert.Contains("default/client", await reader.ReadLineAsync(Ct).AsTask().WaitAsync(s_patience, Ct), StringComparison.Ordinal);
        reader.Dispose();
        for (var i = 0; i < 1200 && !running.IsCompleted; i++)
        {
            scene.Record(scene.Trace());
            await Task.WhenAny(running, Task.Delay(TimeSpan.FromMilliseconds(100), Ct));
        }

        Assert.True(running.IsCompleted, "the command goes on");
        Assert.Equal((0, ""), (await running, error.ToString()));
        await server.StopAsync(Ct);
        Directory.Delete(folder, recursive: true);
    }

    private static SafeFileHandle HandleOf(AnonymousPipeServerStream pipe) => new(pipe.SafePipeHandle.DangerousGetHandle(), ownsHandle: false);
}
