using System.Buffers.Binary;
using System.Text.Json;
using Cilium.Hosts.Cli;

namespace Cilium.Simulation.Tests;

/// <summary><c>cilium policy explain</c> as its users see it.</summary>
public sealed class ExplainTests : IDisposable
{
    private static readonly string Book = Path.GetFullPath(Path.Combine(RepositoryRoot(), "..", "shared", "book", "chapter03"));
    private readonly string _folder = Directory.CreateTempSubdirectory("explain-").FullName;
    private static string Examples => Path.Combine(RepositoryRoot(), "examples/explain");

    [Fact]
    public async Task The_example_is_as_expected_and_a_wrong_expectation_is_a_difference()
    {
        var (code, output, error) = await RunAsync("-f", $"{Examples}/shop.yaml", "-f", $"{Examples}/policies.yaml", "--expect", $"{Examples}/expected.yaml");
        Assert.Equal("", error);
        Assert.Equal("11 of 11 as expected\n", output);
        Assert.Equal(0, code);

        var wrong = Write("wrong.yaml", "- {from: public/visitor, to: shop/db, port: 5432, verdict: allowed}\n- {from: shop/web, to: shop/db, port: 5432, verdict: allowed}");
        (code, output, _) = await RunAsync("-f", $"{Examples}/shop.yaml", $"{Examples}/policies.yaml", "--expect", wrong);
        Assert.Equal(1, code);
        Assert.Contains("public/visitor -> shop/db tcp/5432: expected allowed, but DROPPED", output, StringComparison.Ordinal);
        Assert.Contains("1 of 2 as expected", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_denied_packet_names_the_rule_the_reason_and_the_line()
    {
        var (code, output, _) = await RunAsync(
            "-f", $"{Examples}/shop.yaml", $"{Examples}/policies.yaml", "--from", "public/visitor", "--to", "shop/db", "--port", "5432");
        Assert.Equal(0, code);
        Assert.Contains("ingress of shop/db from", output, StringComparison.Ordinal);
        Assert.Contains("denied by default", output, StringComparison.Ordinal);
        Assert.Contains("enforced by NetworkPolicy shop/db rule 0 ingress", output, StringComparison.Ordinal);
        Assert.Contains("Policy (133)", output, StringComparison.Ordinal);
        Assert.Matches(@"\.(c|h):\d+: .*drop\(ctx", output);
    }

    [Fact]
    public async Task A_policy_with_an_annotated_name_is_explained_by_that_name()
    {
        var policy = Write("annotated.yaml", """
            apiVersion: networking.k8s.io/v1
            kind: NetworkPolicy
            metadata: {name: db, namespace: shop, annotations: {policy.cilium.io/name: shown}}
            spec: {podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}
            """);
        var (code, output, error) = await RunAsync("-f", $"{Examples}/shop.yaml", policy, "--from", "public/visitor", "--to", "shop/db", "--port", "5432");
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("enforced by NetworkPolicy shop/shown rule 0 ingress", output, StringComparison.Ordinal);
        (code, output, _) = await RunAsync("-f", $"{Examples}/shop.yaml", policy, "--from", "shop/web", "--to", "shop/db", "--port", "5432");
        Assert.Equal(0, code);
        Assert.Contains("NetworkPolicy shop/shown rule 0 ingress[0]", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_allowed_packet_names_its_way_the_translation_and_the_rules_of_both_ends()
    {
        var (code, output, _) = await RunAsync(
            "-f", $"{Examples}/shop.yaml", $"{Examples}/policies.yaml", "--from", "shop/web", "--to", "shop/db", "--port", "5432", "-o", "json");
        Assert.Equal(0, code);
        using var json = JsonDocument.Parse(output);
        var walk = Assert.Single(json.RootElement.GetProperty("walks").EnumerateArray());
        Assert.Equal("Delivered", walk.GetProperty("outcome").GetString());
        Assert.Equal("shop/db", walk.GetProperty("where").GetString());
        var decisions = walk.GetProperty("decisions").EnumerateArray().ToList();
        Assert.Equal(["egress", "ingress"], decisions.ConvertAll(decision => decision.GetProperty("direction").GetString()));
        Assert.Equal("CiliumNetworkPolicy shop/web rule 0 egress[0]: Everybody may look, the web may ask the database and nobody else.",
            Assert.Single(decisions[0].GetProperty("rules").EnumerateArray()).GetString());
        Assert.Equal("NetworkPolicy shop/db rule 0 ingress[0]", Assert.Single(decisions[1].GetProperty("rules").EnumerateArray()).GetString());
        Assert.NotEmpty(walk.GetProperty("steps").EnumerateArray());
        var packet = walk.GetProperty("packet");
        Assert.Equal("shop/db eth0", packet.GetProperty("device").GetString());
        var bytes = Convert.FromHexString(packet.GetProperty("hex").GetString()!);
        Assert.Equal(packet.GetProperty("bytes").GetInt32(), bytes.Length);
        Assert.Equal(5432, BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(14 + 20 + 2)));
        Assert.Matches("^TCP [0-9]+ -> 5432 SYN$", packet.GetProperty("headers").EnumerateArray().Last().GetString()!);

        (_, output, _) = await RunAsync(
            "-f", $"{Examples}/shop.yaml", $"{Examples}/policies.yaml", "--from", "public/visitor", "--to", "svc/shop/web", "--port", "80");
        Assert.Contains("cil_sock4_connect: to 10.", output, StringComparison.Ordinal);
        Assert.Contains("with 2 backends", output, StringComparison.Ordinal);
        Assert.Contains("Verdict: DELIVERED to shop/web-", output, StringComparison.Ordinal);
        // What arrives is for the backend, not for the service.
        Assert.Matches(@"Packet at shop/web-\d eth0, \d+ bytes:\n  Ethernet .*\n  IPv4 10\.\d+\.\d+\.\d+ -> 10\.\d+\.\d+\.\d+\n  TCP \d+ -> \d+ SYN\n    0000: ([0-9a-f]{4} ){7}[0-9a-f]{4}\n", output);
    }

    [Fact]
    public async Task A_packet_for_the_world_is_shown_as_its_node_sends_it_and_a_dropped_one_is_not()
    {
        var (_, output, _) = await RunAsync("-f", $"{Examples}/shop.yaml", "--from", "public/visitor", "--to", "203.0.113.9", "--port", "443", "--proto", "udp");
        // The node's address, not the pod's.
        Assert.Matches(@"Packet at node-\d eth0, \d+ bytes:\n  Ethernet .*\n  IPv4 172\.\d+\.\d+\.\d+ -> 203\.0\.113\.9\n  UDP \d+ -> 443\n", output);
        (_, output, _) = await RunAsync("-f", $"{Examples}/shop.yaml", $"{Examples}/policies.yaml", "--from", "public/visitor", "--to", "shop/db", "--port", "5432");
        Assert.DoesNotContain("Packet at", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_matrix_asks_everybody_about_everybody()
    {
        var (code, output, _) = await RunAsync("-f", $"{Examples}/shop.yaml", $"{Examples}/policies.yaml", "--matrix");
        Assert.Equal(0, code);
        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        // Three pods declare one port each, and each is asked about by the three others.
        Assert.Equal(1 + 9, lines.Length);
        Assert.Contains(lines, line => line.StartsWith("shop/web-0", StringComparison.Ordinal) && line.Contains("shop/db", StringComparison.Ordinal) && line.Contains("DELIVERED", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("public/visitor", StringComparison.Ordinal) && line.Contains("shop/db", StringComparison.Ordinal) && line.Contains("DROPPED", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("kind: Pod", "apiVersion: is missing")]
    [InlineData("kind: Pod\napiVersion: v1\nmetadata: {namespace: a}", "metadata.name: is missing")]
    [InlineData("kind: Pod\napiVersion: v1\nmetadata: {name: a, labels: {x: 1}}", "document 1, metadata.labels.x: has a value of another type")]
    [InlineData("kind: Service\napiVersion: v1\nmetadata: {name: a}\nspec: {ports: [{port: eighty}]}", "document 1, spec.ports[0].port: has a value of another type")]
    [InlineData("kind: CiliumNetworkPolicy\napiVersion: cilium.io/v2\nmetadata: {name: a}\nspec: {endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: '99999'}]}]}]}", "spec.ingress[0].toPorts[0].ports[0].port")]
    [InlineData("- 1\n- 2", "the document is no object")]
    [InlineData("a: [", "line ")]
    [InlineData("kind: Pod\napiVersion: v1\nmetadata: {name: a}\n---\nkind: Pod\napiVersion: v1\nmetadata: {name: a}", "document 2, metadata.name: there is another Pod default/a")]
    public async Task A_bad_manifest_is_refused_with_file_document_and_field(string text, string reason)
    {
        var file = Write("bad.yaml", text);
        var (code, _, error) = await RunAsync("-f", file, "--matrix");
        Assert.Equal(2, code);
        Assert.StartsWith($"Error: {file}", error, StringComparison.Ordinal);
        Assert.Contains(reason, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_question_about_nobody_is_bad_input()
    {
        Assert.Equal(2, (await RunAsync("-f", $"{Examples}/shop.yaml", "--from", "shop/nobody", "--to", "shop/db", "--port", "1")).Code);
        Assert.Equal(2, (await RunAsync("-f", $"{Examples}/shop.yaml", "--from", "shop/db", "--to", "svc/shop/nothing", "--port", "1")).Code);
        Assert.Equal(2, (await RunAsync("-f", $"{Examples}/shop.yaml", "--from", "shop/db", "--to", "shop/web")).Code);
        Assert.Equal(2, (await RunAsync("-f", $"{Examples}/nothing", "--matrix")).Code);
    }

    [Fact]
    public async Task A_service_without_backends_refuses_the_call()
    {
        var service = Write("service.yaml", "kind: Service\napiVersion: v1\nmetadata: {name: empty, namespace: shop}\nspec: {selector: {app: none}, ports: [{port: 80}]}");
        var (code, output, _) = await RunAsync("-f", $"{Examples}/shop.yaml", service, "--from", "shop/db", "--to", "svc/empty", "--port", "80");
        Assert.Equal(0, code);
        Assert.Contains("Verdict: REFUSED", output, StringComparison.Ordinal);
        Assert.Contains("no backends", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_policy_of_the_books_third_chapter_and_the_one_that_cannot_be_enforced()
    {
        if (!Directory.Exists(Book))
            Assert.Skip($"{Book} is not there");
        string[] objects = [$"{Book}/nginx-deployment.yaml", $"{Book}/nginx-service.yaml", $"{Book}/netshoot-client-pod.yaml", $"{Book}/unauthorized-client.yaml"];
        var expected = Write("expected.yaml", """
            - {from: netshoot-client, to: svc/nginx-service, port: 80, verdict: allowed}
            - {from: unauthorized-client, to: svc/nginx-service, port: 80, verdict: denied}
            """);
        var (code, output, _) = await RunAsync(["-f", .. objects, $"{Book}/policy.yaml", "--expect", expected]);
        Assert.Equal((0, "2 of 2 as expected\n"), (code, output));

        (code, _, var error) = await RunAsync(["-f", .. objects, $"{Book}/policy-with-l7.yaml", "--expect", expected]);
        Assert.Equal(2, code);
        Assert.Contains("Not enforced", error, StringComparison.Ordinal);
        Assert.Contains("spec.ingress[0].toPorts[0].rules.http", error, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static async Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await CiliumCommand.Create().Parse(["policy", "explain", .. arguments]).InvokeAsync(new() { Output = output, Error = error });
        return (code, output.ToString(), error.ToString());
    }

    private string Write(string name, string text)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    private static string RepositoryRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Cilium.sln")))
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("Cilium.sln is in no folder above the test");
        return folder;
    }
}
