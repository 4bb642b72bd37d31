using System.Text.Json;

namespace Cilium.DatapathTests;

/// <summary>The verifier's view of the programs: they load with every switch on or off, within a budget of instructions.</summary>
public sealed class ProgramTests
{
    private const string BudgetFile = "instructions.json";

    private static readonly string[] Objects = ["lxc", "host", "overlay", "netdev", "sock"];

    [Theory]
    [InlineData("defaults")]
    [InlineData("enable_ipv4", 0)]
    [InlineData("enable_ipv6", 0)]
    [InlineData("enable_tunnel", 0)]
    [InlineData("tunnel_over_ipv6", 1)]
    [InlineData("underlay_ifindex", 1)]
    [InlineData("enable_masquerade_ipv4", 1, "enable_masquerade_ipv6", 1)]
    [InlineData("enable_packet_lb", 0)]
    [InlineData("enable_node_port", 0)]
    [InlineData("several_devices", 1)]
    [InlineData("enable_socket_lb", 0)]
    [InlineData("enable_set_retval", 0)]
    [InlineData("enable_socket_events", 1)]
    [InlineData("monitor_aggregation", 0)]
    [InlineData("enable_trace_events", 0, "enable_drop_events", 0, "enable_verdict_events", 0)]
    public void All_objects_load_within_their_budget(string first, int value = 0, string? second = null, int secondValue = 0, string? third = null, int thirdValue = 0)
    {
        var budget = JsonSerializer.Deserialize<Dictionary<string, Dictionary<string, uint>>>(File.ReadAllText(BudgetPath()))!;
        var seen = new SortedDictionary<string, uint>(StringComparer.Ordinal);
        using (var bench = new Bench(Objects, obj =>
        {
            foreach (var (name, set) in new[] { (first, value), (second, secondValue), (third, thirdValue) })
                _ = name is null or "defaults" || obj.TrySetConstant(name, name.EndsWith("ifindex", StringComparison.Ordinal) ? BitConverter.GetBytes(set) : [(byte)set]);
        }))
        {
            foreach (var name in bench.ProgramNames)
                seen[name] = bench.Program(name).Describe().VerifiedInstructions;
        }
        if (Environment.GetEnvironmentVariable("CILIUM_WRITE_BUDGET") is { Length: > 0 } folder)
            File.WriteAllText($"{folder}/{first}.json", JsonSerializer.Serialize(seen));
        Assert.True(budget.TryGetValue(first, out var allowed), $"{BudgetFile} has no budget for {first}");
        Assert.All(seen, entry => Assert.True(
            entry.Value <= allowed[entry.Key] * 1.1, $"{entry.Key} takes {entry.Value} instructions to verify; its budget is {allowed[entry.Key]} + 10 %"));
    }

    [Fact]
    public void Every_constant_says_what_it_is()
    {
        foreach (var name in Objects)
        {
            using var obj = Bench.Open(name);
            Assert.NotEmpty(obj.Constants);
            Assert.All(obj.Constants, constant => Assert.False(string.IsNullOrWhiteSpace(constant.Description), $"{constant.Name} has no description"));
        }
    }

    private static string BudgetPath() => Path.Combine(AppContext.BaseDirectory, BudgetFile);
}
