Console.Error.WriteLine("cilium-agent: not assembled yet");
return 1;
