using Cilium.Hubble.Client;

namespace Cilium.Hubble.Tests.Client;

public sealed class StatusTextTests
{
    [Fact]
    public void A_status_is_one_row_of_a_table()
    {
        using var writer = new StringWriter();
        StatusText.WriteTable(writer, new Proto.ServerStatusResponse
        {
            NumFlows = 4095,
            MaxFlows = 4095,
            SeenFlows = 1234567,
            UptimeNs = 90_000_000_000,
            Version = "1.2.3",
        });

        var lines = writer.ToString().TrimEnd('\n').Split('\n');
        Assert.Equal(2, lines.Length);
        Assert.Equal(
            ["NUM FLOWS", "MAX FLOWS", "SEEN FLOWS", "FLOWS PER SECOND", "UPTIME", "NUM CONNECTED NODES", "NUM UNAVAILABLE NODES", "VERSION"],
            lines[0].Split("   ", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        var row = lines[1].Split("   ", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        Assert.Equal(["4,095", "4,095", "1,234,567"], row[..3]);
        Assert.Equal(["1m30s", "N/A", "N/A", "1.2.3"], row[4..]);
        Assert.Equal(lines[0].IndexOf("VERSION", StringComparison.Ordinal), lines[1].IndexOf("1.2.3", StringComparison.Ordinal));
    }
}
