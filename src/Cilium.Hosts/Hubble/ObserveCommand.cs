using System.CommandLine;
using System.CommandLine.Parsing;
using Cilium.Hubble.Client;
using Cilium.Hubble.Filters;
using Cilium.Hubble.Printing;
using FieldMask = Google.Protobuf.WellKnownTypes.FieldMask;
using Proto = Cilium.Hubble.Proto;

namespace Cilium.Hosts.Hubble;

/// <summary><c>hubble observe [flows]</c>: filters, selection and form of output.</summary>
internal sealed class ObserveCommand
{
    private readonly Option<bool> _all = new("--all") { Description = "Get all flows stored in Hubble's buffer." };
    private readonly Option<ulong> _last = new("--last") { Description = "Get last N flows stored in Hubble's buffer (default 20)." };
    private readonly Option<ulong> _first = new("--first") { Description = "Get first N flows stored in Hubble's buffer." };
    private readonly Option<bool> _follow = new("--follow", "-f") { Description = "Follow flows output." };
    private readonly Option<string?> _since = new("--since") { Description = "Flows since a time (RFC 3339) or a duration ago (5m)." };
    private readonly Option<string?> _until = new("--until") { Description = "Flows until a time (RFC 3339) or a duration ago (5m)." };
    private readonly Option<string?> _output = new("--output", "-o") { Description = "compact, dict, json, jsonpb, table or tab (default compact)." };
    private readonly Option<bool> _json = new("--json", "-j") { Description = "Short for -o jsonpb." };
    private readonly Option<bool> _nodeName = new("--print-node-name") { Description = "Print node name in output." };
    private readonly Option<bool> _policyNames = new("--print-policy-names") { Description = "Print the names of the policies that decided." };
    private readonly Option<string?> _timeFormat = new("--time-format") { Description = $"{TimeFormats.Names} (default StampMilli)." };
    private readonly Option<bool> _numeric = new("--numeric") { Description = "Print addresses instead of names." };
    private readonly Option<bool> _ipTranslation = new("--ip-translation") { Description = "Translate addresses to names (default true).", DefaultValueFactory = _ => true };
    private readonly Option<string?> _color = new("--color") { Description = "auto, always or never." };
    private readonly Option<string[]> _allowlist = new("--allowlist") { Description = "Filters as JSON, of which one must match." };
    private readonly Option<string[]> _denylist = new("--denylist") { Description = "Filters as JSON, of which none may match." };
    private readonly Option<string?> _fieldMask = new("--field-mask") { Description = "Comma-separated fields to ask for; only with JSON output." };
    private readonly Option<string?> _inputFile = new("--input-file") { Description = "Read flows as JSON lines from a file, or '-', instead of a server." };
    private readonly Option<bool> _rawFilters = new("--print-raw-filters") { Description = "Print the filters as JSON and exit." };
    private readonly Option<bool> _silent = new("--silent-errors", "-s") { Description = "Do not print errors and warnings that come between flows." };
    private readonly ServerOptions _server;

    private ObserveCommand(ServerOptions server) => _server = server;

    public static Command Create(ServerOptions server)
    {
        var observe = new ObserveCommand(server);
        var command = observe.Build(new Command("observe", "Observe flows and events of a Hubble server"));
        command.Subcommands.Add(new ObserveCommand(server).Build(new Command("flows", "Observe flows of a Hubble server")));
        return command;
    }

    private Command Build(Command command)
    {
        foreach (var option in (Option[])
            [
                _all, _last, _first, _follow, _since, _until, _output, _json, _nodeName, _policyNames, _timeFormat, _numeric, _ipTranslation,
                _color, _allowlist, _denylist, _fieldMask, _inputFile, _rawFilters, _silent,
            ])
        {
            command.Options.Add(option);
        }

        command.Options.Add(new Option<bool[]>("--not") { Description = "Reverses the next filter.", Arity = ArgumentArity.Zero });
        foreach (var name in FlowFilterOptions.Names)
        {
            command.Options.Add(FilterOption(name));
        }

        command.SetAction((arguments, cancellationToken) => RunAsync(arguments, cancellationToken));
        return command;
    }

    private static Option<string[]> FilterOption(string name)
    {
        string[] aliases = name switch { "type" => ["-t"], "ipv4" => ["-4"], "ipv6" => ["-6"], "namespace" => ["-n"], "label" => ["-l"], "all-namespaces" => ["-A"], _ => [] };
        return new Option<string[]>($"--{name}", aliases)
        {
            Description = $"Show only flows that match this {name.Replace('-', ' ')}.",
            Arity = FlowFilterOptions.IsSwitch(name) ? ArgumentArity.Zero : ArgumentArity.OneOrMore,
            AllowMultipleArgumentsPerToken = false,
        };
    }

    private async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var output = arguments.InvocationConfiguration.Output;
        FlowPrinterOptions? printing = null;
        Proto.GetFlowsRequest? request = null;
        var code = await CommandErrors.Run(arguments, () =>
        {
            printing = Printing(arguments);
            CheckOutput(arguments, printing.Output);
            request = Request(arguments);
            return Task.CompletedTask;
        });
        if (code != 0 || printing is null || request is null)
        {
            return code;
        }

        if (arguments.GetValue(_rawFilters))
        {
            PrintFilters(output, request);
            return 0;
        }

        var warnings = arguments.GetValue(_silent) ? TextWriter.Null : arguments.InvocationConfiguration.Error;
        using var printer = new FlowPrinter(output, warnings, printing);
        if (arguments.GetValue(_inputFile) is { } file)
        {
            return await CommandErrors.Run(arguments, () => new FlowFile(file, warnings).PrintAsync(request, printer, cancellationToken));
        }

        return await CommandErrors.RunConnected(arguments, _server, async connection =>
        {
            var client = new Proto.Observer.ObserverClient(connection.Channel);
            using var call = client.GetFlows(request, cancellationToken: cancellationToken);
            while (await call.ResponseStream.MoveNext(cancellationToken))
            {
                printer.Print(call.ResponseStream.Current);
                if (request.Follow)
                {
                    await output.FlushAsync(cancellationToken);
                }
            }
        }, cancellationToken);
    }

    private Proto.GetFlowsRequest Request(ParseResult arguments)
    {
        var request = new Proto.GetFlowsRequest();
        // A file is shown whole where nothing else is said.
        var isWholeFile = arguments.GetValue(_inputFile) is not null && arguments.GetValue(_last) == 0 && arguments.GetValue(_first) == 0;
        var selection = new FlowSelection
        {
            All = arguments.GetValue(_all) || isWholeFile,
            Last = arguments.GetValue(_last),
            First = arguments.GetValue(_first),
            Follow = arguments.GetValue(_follow),
            Since = arguments.GetValue(_since),
            Until = arguments.GetValue(_until),
        };
        selection.WriteTo(request, TimeProvider.System.GetUtcNow());
        Filters(arguments).WriteTo(request);
        request.Whitelist.AddRange((arguments.GetValue(_allowlist) ?? []).Select(ProtoJson.ParseExact<Proto.FlowFilter>));
        request.Blacklist.AddRange((arguments.GetValue(_denylist) ?? []).Select(ProtoJson.ParseExact<Proto.FlowFilter>));
        if (arguments.GetValue(_fieldMask) is { } mask)
        {
            request.FieldMask = new FieldMask();
            request.FieldMask.Paths.AddRange(mask.Split(',', StringSplitOptions.TrimEntries));
        }

        return request;
    }

    // The order of the options matters because of --not, so this walks the tokens and not the parsed values.
    private static FlowFilterArguments Filters(ParseResult arguments)
    {
        var filters = new FlowFilterArguments();
        var names = FlowFilterOptions.Names.ToHashSet(StringComparer.Ordinal);
        string? pending = null;
        foreach (var token in arguments.Tokens)
        {
            if (token.Type == TokenType.Option)
            {
                pending = Name(token.Value);
                if (pending == "not")
                {
                    filters.Not();
                }
                else if (names.Contains(pending) && FlowFilterOptions.IsSwitch(pending))
                {
                    filters.Add(pending, "");
                }
            }
            else if (token.Type == TokenType.Argument && pending is not null && names.Contains(pending))
            {
                filters.Add(pending, token.Value);
            }
        }

        return filters;
    }

    private static string Name(string option) => option switch
    {
        "-t" => "type",
        "-4" => "ipv4",
        "-6" => "ipv6",
        "-n" => "namespace",
        "-l" => "label",
        "-A" => "all-namespaces",
        _ => option.TrimStart('-'),
    };

    private FlowPrinterOptions Printing(ParseResult arguments) => new()
    {
        Output = (arguments.GetValue(_json), arguments.GetValue(_output)) switch
        {
            (true, _) or (_, "json" or "jsonpb" or "JSON") => FlowOutput.JsonPb,
            (_, null or "" or "compact") => FlowOutput.Compact,
            (_, "dict") => FlowOutput.Dict,
            (_, "tab" or "table") => FlowOutput.Tab,
            (_, var other) => throw new FlowFilterException("--output", $"'{other}' is not compact, dict, json, jsonpb, table or tab"),
        },
        PrintNodeName = arguments.GetValue(_nodeName),
        PrintPolicyNames = arguments.GetValue(_policyNames),
        TranslateAddresses = arguments.GetValue(_ipTranslation) && !arguments.GetValue(_numeric),
        Debug = _server.IsDebug(arguments),
        UseColor = arguments.GetValue(_color) switch
        {
            "always" => true,
            "never" => false,
            null or "" or "auto" => !Console.IsOutputRedirected && Environment.GetEnvironmentVariable("NO_COLOR") is null or "",
            var other => throw new FlowFilterException("--color", $"'{other}' is not auto, always or never"),
        },
        TimeFormat = TimeFormats.Find(arguments.GetValue(_timeFormat)),
    };

    private void CheckOutput(ParseResult arguments, FlowOutput output)
    {
        if (output == FlowOutput.Tab && arguments.GetValue(_follow))
        {
            throw new FlowFilterException("--output", "a table is as wide as its widest row and cannot be combined with --follow");
        }

        if (output != FlowOutput.JsonPb && arguments.GetValue(_fieldMask) is not null)
        {
            throw new FlowFilterException("--field-mask", "leaves out what only JSON output can do without; use it with -o json");
        }
    }

    private static void PrintFilters(TextWriter output, Proto.GetFlowsRequest request)
    {
        foreach (var (name, filters) in new[] { ("allowlist", request.Whitelist), ("denylist", request.Blacklist) })
        {
            if (filters.Count != 0)
            {
                output.WriteLine($"{name}:");
                foreach (var filter in filters)
                {
                    output.WriteLine($"- '{ProtoJson.Format(filter)}'");
                }
            }
        }
    }
}
