using Cilium.Hosts.Cli;

namespace Cilium.Hubble.Tests.Cli;

public sealed class KubeconfigTests
{
    private const string Cluster = """
        apiVersion: v1
        kind: Config
        current-context: c
        contexts: [{name: c, context: {cluster: k, user: u}}]
        users: [{name: u, user: {}}]
        clusters: [{name: k, cluster: {server: "https://127.0.0.1:1", certificate-authority-data: "$"}}]
        """;

    [Theory]
    [InlineData(null, null, "")]
    [InlineData("", "", "")]
    [InlineData(null, "/a:/b::/c", "/a /b /c")]
    [InlineData("/x", "/a:/b", "/x")]
    public void The_option_names_one_file_and_the_variable_any_number(string? option, string? variable, string expected) =>
        Assert.Equal(expected, string.Join(' ', ClusterOptions.Kubeconfigs(option, variable)));

    [Theory]
    [InlineData("a: [")]
    [InlineData("\tx")]
    [InlineData("[]")]
    [InlineData("")]
    [InlineData("# nothing\n")]
    [InlineData("certificate authority:bm9uc2Vuc2U=")]
    [InlineData("certificate authority:!!!")]
    public async Task One_that_cannot_be_read_is_named_in_one_line(string content)
    {
        ArgumentNullException.ThrowIfNull(content);
        const string authority = "certificate authority:";
        var file = Path.GetTempFileName();
        File.WriteAllText(file, content.StartsWith(authority, StringComparison.Ordinal) ? Cluster.Replace("$", content[authority.Length..], StringComparison.Ordinal) : content);

        CommandRun.FailedInOneLine(await CommandRun.RunAsync(CiliumCommand.Create(), "status", "--kubeconfig", file), file);
        File.Delete(file);
    }
}
