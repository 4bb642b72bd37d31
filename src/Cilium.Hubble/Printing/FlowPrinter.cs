using System.Globalization;
using Google.Protobuf.Collections;

namespace Cilium.Hubble.Printing;

/// <summary>Prints responses of an observer: flows and losses to one writer, messages about nodes to another.</summary>
/// <remarks>Not thread-safe. Control characters in names are escaped, since they come from the network.</remarks>
public sealed class FlowPrinter : IDisposable
{
    private const string Separator = "------------";
    private const int NodeNamesCutOff = 50;

    private readonly TextWriter _output;
    private readonly TextWriter _errors;
    private readonly FlowPrinterOptions _options;
    private readonly TerminalColors _colors;
    private readonly FlowTable? _table;
    private bool _hasPrinted;

    /// <summary>Makes a printer.</summary>
    public FlowPrinter(TextWriter output, TextWriter errors, FlowPrinterOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _output = output;
        _errors = errors;
        _options = options;
        _colors = new TerminalColors(options.UseColor && options.Output != FlowOutput.Tab);
        _table = options.Output == FlowOutput.Tab ? new FlowTable(options.PrintNodeName) : null;
    }

    /// <summary>Prints one response.</summary>
    public void Print(Proto.GetFlowsResponse response)
    {
        ArgumentNullException.ThrowIfNull(response);
        if (_options.Output == FlowOutput.JsonPb)
        {
            (response.NodeStatus is null ? _output : _errors).WriteLine(ProtoJson.Format(response));
            return;
        }

        switch (response.ResponseTypesCase)
        {
            case Proto.GetFlowsResponse.ResponseTypesOneofCase.Flow:
                PrintFlow(response.Flow);
                break;
            case Proto.GetFlowsResponse.ResponseTypesOneofCase.LostEvents:
                PrintLost(response);
                break;
            case Proto.GetFlowsResponse.ResponseTypesOneofCase.NodeStatus:
                PrintNodeStatus(response);
                break;
            default:
                break;
        }
    }

    /// <summary>Prints what a table has collected.</summary>
    public void Dispose()
    {
        _table?.WriteTo(_output);
        _output.Flush();
    }

    private void PrintFlow(Proto.Flow flow)
    {
        switch (_options.Output)
        {
            case FlowOutput.Compact:
                PrintCompact(flow);
                break;
            case FlowOutput.Dict:
                PrintDict(flow);
                break;
            default:
                _table!.Add(
                    Time(flow.Time), Escape(flow.NodeName), Escape(FlowText.Source(flow, _options.TranslateAddresses)),
                    Escape(FlowText.Destination(flow, _options.TranslateAddresses)), Escape(FlowText.Type(flow)), Verdict(flow),
                    Escape(FlowText.Summary(flow)));
                break;
        }
    }

    private void PrintCompact(Proto.Flow flow)
    {
        var left = (Host: FlowText.Source(flow, _options.TranslateAddresses), Identity: FlowText.IdentityOf(flow.Source));
        var right = (Host: FlowText.Destination(flow, _options.TranslateAddresses), Identity: FlowText.IdentityOf(flow.Destination));
        var arrow = flow.IsReply switch { null => "<>", true => "<-", false => "->" };
        if (flow.IsReply == true)
        {
            (left, right) = (right, left);
        }

        var node = _options.PrintNodeName ? $" [{Escape(flow.NodeName)}]" : "";
        _output.WriteLine(
            $"{Time(flow.Time)}{node}: {_colors.Host(Escape(left.Host))} {_colors.Identity(left.Identity)} {arrow} "
            + $"{_colors.Host(Escape(right.Host))} {_colors.Identity(right.Identity)} {Escape(FlowText.Type(flow))} {Verdict(flow)} "
            + $"({Escape(FlowText.Summary(flow))})");
    }

    private void PrintDict(Proto.Flow flow)
    {
        PrintSeparator(_output);
        _output.WriteLine($"  TIMESTAMP: {Time(flow.Time)}");
        if (_options.PrintNodeName)
        {
            _output.WriteLine($"       NODE: {Escape(flow.NodeName)}");
        }

        _output.WriteLine($"     SOURCE: {_colors.Host(Escape(FlowText.Source(flow, _options.TranslateAddresses)))}");
        _output.WriteLine($"DESTINATION: {_colors.Host(Escape(FlowText.Destination(flow, _options.TranslateAddresses)))}");
        _output.WriteLine($"       TYPE: {Escape(FlowText.Type(flow))}");
        _output.WriteLine($"    VERDICT: {Verdict(flow)}");
        _output.WriteLine($"    SUMMARY: {Escape(FlowText.Summary(flow))}");
    }

    private void PrintLost(Proto.GetFlowsResponse response)
    {
        var lost = response.LostEvents;
        var source = ProtoNames.Of(lost.Source);
        var cpu = (lost.Cpu ?? 0).ToString(CultureInfo.InvariantCulture);
        var count = lost.NumEventsLost.ToString(CultureInfo.InvariantCulture);
        switch (_options.Output)
        {
            case FlowOutput.Compact:
                _output.WriteLine($"{Time(response.Time)} EVENTS LOST: {source} CPU({cpu}) {count}");
                break;
            case FlowOutput.Dict:
                PrintSeparator(_output);
                _output.WriteLine($"  TIMESTAMP: {Time(response.Time)}");
                _output.WriteLine($"     SOURCE: {source}");
                _output.WriteLine("       TYPE: EVENTS LOST");
                _output.WriteLine("    VERDICT: ");
                _output.WriteLine($"    SUMMARY: CPU({cpu}) - {count}");
                break;
            default:
                _table!.Add(Time(response.Time), Escape(response.NodeName), source, "", "EVENTS LOST", "", $"CPU({cpu}) - {count}");
                break;
        }
    }

    private void PrintNodeStatus(Proto.GetFlowsResponse response)
    {
        var status = response.NodeStatus;
        if (!_options.Debug && status.StateChange is not (Proto.NodeState.NodeError or Proto.NodeState.NodeUnavailable))
        {
            return;
        }

        var names = Escape(JoinWithCutOff(status.NodeNames));
        var count = status.NodeNames.Count;
        var text = status.StateChange switch
        {
            Proto.NodeState.NodeConnected => $"Receiving flows from {count} nodes: {names}",
            Proto.NodeState.NodeUnavailable => $"{count} nodes are unavailable: {names}",
            Proto.NodeState.NodeGone => $"{count} nodes removed from cluster: {names}",
            Proto.NodeState.NodeError => $"Error \"{Escape(status.Message)}\" on {count} nodes: {names}",
            _ => $"unknown node status event {(int)status.StateChange}: {names}",
        };
        _errors.WriteLine($"{Time(response.Time)} [{Escape(response.NodeName)}]: {text}");
    }

    private void PrintSeparator(TextWriter writer)
    {
        if (_hasPrinted)
        {
            writer.WriteLine(Separator);
        }

        _hasPrinted = true;
    }

    private string Verdict(Proto.Flow flow)
    {
        var text = _colors.Verdict(flow.Verdict, FlowText.Verdict(flow));
        return _options.PrintPolicyNames ? text + Escape(FlowText.Policies(flow)) : text;
    }

    private string Time(Google.Protobuf.WellKnownTypes.Timestamp? time) => FlowText.Time(time, _options.TimeFormat);

    private static string JoinWithCutOff(RepeatedField<string> names)
    {
        var length = 0;
        var taken = 0;
        foreach (var name in names)
        {
            length += name.Length + 2;
            if (length > NodeNamesCutOff && taken > 0)
            {
                break;
            }

            taken++;
        }

        var joined = string.Join(", ", names.Take(taken));
        return taken == names.Count ? joined : $"{joined} (and {names.Count - taken} more)";
    }

    private static string Escape(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\0', '\x1f') && !text.Contains('\x7f', StringComparison.Ordinal))
        {
            return text;
        }

        return string.Concat(text.Select(c => char.IsControl(c) ? $"\\x{(int)c:x2}" : c.ToString()));
    }
}
