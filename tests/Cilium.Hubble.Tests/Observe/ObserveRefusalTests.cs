using Cilium.Hosts.Hubble;

namespace Cilium.Hubble.Tests.Observe;

public sealed class ObserveRefusalTests
{
    [Theory]
    [InlineData("--verdict DROPPED --not", "trailing --not found in the arguments")]
    [InlineData("--not", "trailing --not found in the arguments")]
    [InlineData("-f -o table", "--follow")]
    [InlineData("--follow --output tab", "--follow")]
    [InlineData("--field-mask source.pod_name", "--field-mask")]
    [InlineData("--field-mask source.pod_name -o dict", "--field-mask")]
    [InlineData("-f --until 5m", "--until")]
    [InlineData("--pod a/b --namespace c", "--namespace")]
    [InlineData("--allowlist {\"source_pods\":[\"a\"]}", "source_pods")]
    [InlineData("--denylist {\"source_pods\":[\"a\"]}", "source_pods")]
    public async Task Options_that_do_not_go_together_are_refused(string options, string told)
    {
        ArgumentNullException.ThrowIfNull(options);
        CommandRun.FailedInOneLine(
            await CommandRun.RunAsync(HubbleCommand.Create(), ["observe", "--server", "unix:///nonexistent/hubble.sock", .. options.Split(' ')]), told);
    }

    [Theory]
    [InlineData("--field-mask source.pod_name -o json")]
    [InlineData("--field-mask source.pod_name -j")]
    [InlineData("-f --since 5m -o dict")]
    [InlineData("--not --verdict DROPPED -o table")]
    public async Task Options_that_go_together_reach_the_server(string options)
    {
        ArgumentNullException.ThrowIfNull(options);
        CommandRun.FailedInOneLine(
            await CommandRun.RunAsync(HubbleCommand.Create(), ["observe", "--server", "unix:///nonexistent/hubble.sock", .. options.Split(' ')]),
            "failed to connect to");
    }

    [Theory]
    [InlineData("nonsense\n")]
    [InlineData("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")]
    public async Task Authorities_that_cannot_be_read_are_named(string pem)
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, pem);
        CommandRun.FailedInOneLine(
            await CommandRun.RunAsync(HubbleCommand.Create(), "status", "--server", "tls://127.0.0.1:1", "--tls-ca-cert-files", file), file);
        File.Delete(file);
    }

    [Fact]
    public async Task A_path_that_no_socket_can_have_is_told_in_one_line()
    {
        var path = $"/tmp/{new string('x', 200)}/hubble.sock";
        CommandRun.FailedInOneLine(await CommandRun.RunAsync(HubbleCommand.Create(), "status", "--server", $"unix://{path}"), path);
    }
}
