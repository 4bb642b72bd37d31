using Cilium.Hosts.Hubble;
using Cilium.Hubble.Printing;

namespace Cilium.Hubble.Tests.Observe;

public sealed class InputFileTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();
    private readonly DateTimeOffset _start = new(2024, 1, 2, 15, 4, 0, TimeSpan.Zero);

    public void Dispose() => File.Delete(_file);

    [Fact]
    public async Task All_flows_of_a_file_are_shown()
    {
        Write(30);
        Assert.Equal(Enumerable.Range(0, 30), await PortsAsync());
    }

    [Theory]
    [InlineData("--last 2", new[] { 8, 9 })]
    [InlineData("--first 3", new[] { 0, 1, 2 })]
    [InlineData("--last 20", new[] { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 })]
    [InlineData("--last 2 --from-port 1 --from-port 4 --from-port 5", new[] { 4, 5 })]
    [InlineData("--first 1 --from-port 4 --from-port 5", new[] { 4 })]
    [InlineData("--since 2024-01-02T15:04:07Z", new[] { 7, 8, 9 })]
    [InlineData("--until 2024-01-02T15:04:02Z", new[] { 0, 1, 2 })]
    [InlineData("--since 2024-01-02T15:04:03Z --until 2024-01-02T15:04:08Z --last 2", new[] { 7, 8 })]
    [InlineData("--since 2024-01-02T15:04:03Z --first 2", new[] { 3, 4 })]
    public async Task The_selection_is_made_in_a_file_too(string options, int[] ports)
    {
        ArgumentNullException.ThrowIfNull(options);
        Write(10);
        Assert.Equal(ports, await PortsAsync(options.Split(' ')));
    }

    [Fact]
    public async Task A_line_that_is_no_flow_is_told_and_passed_over()
    {
        File.WriteAllText(_file, $"{Line(1)}\n\nno json\n{Line(2)[..40]}\n{Line(2)}\n");

        var (code, output, error) = await CommandRun.RunAsync(HubbleCommand.Create(), "observe", "--input-file", _file);

        Assert.Equal(0, code);
        Assert.Equal(2, output.TrimEnd('\n').Split('\n').Length);
        var warnings = error.TrimEnd('\n').Split('\n');
        Assert.Equal(2, warnings.Length);
        Assert.StartsWith($"{_file}:3: ", warnings[0], StringComparison.Ordinal);
        Assert.StartsWith($"{_file}:4: ", warnings[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Silent_errors_pass_over_it_without_a_word()
    {
        File.WriteAllText(_file, $"no json\n{Line(2)}\n");
        var (code, output, error) = await CommandRun.RunAsync(HubbleCommand.Create(), "observe", "-s", "--input-file", _file);
        Assert.Equal((0, ""), (code, error));
        Assert.Single(output.TrimEnd('\n').Split('\n'));
    }

    private void Write(int count) => File.WriteAllLines(_file, Enumerable.Range(0, count).Select(Line));

    private string Line(int second)
    {
        var time = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(_start.AddSeconds(second));
        return ProtoJson.Format(new Proto.GetFlowsResponse
        {
            Time = time,
            Flow = new Proto.Flow
            {
                Time = time,
                Verdict = Proto.Verdict.Forwarded,
                IP = new Proto.IP { Source = "10.0.0.1", Destination = "10.0.0.2" },
                L4 = new Proto.Layer4 { TCP = new Proto.TCP { SourcePort = (uint)second, DestinationPort = 80 } },
            },
        });
    }

    private async Task<IEnumerable<int>> PortsAsync(params string[] options)
    {
        var (code, output, error) = await CommandRun.RunAsync(HubbleCommand.Create(), ["observe", "--input-file", _file, "-o", "json", .. options]);
        Assert.Equal((0, ""), (code, error));
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => (int)ProtoJson.Parse<Proto.GetFlowsResponse>(line).Flow.L4.TCP.SourcePort);
    }
}
